# Manual pages and completions: that they have everything, can be shown, work in their shells, and are installed.
# not in the guest: what is written in pages and typed in shells does not depend on the kernel

# Each test is a function in a shell of its own; `run` sets stderr.
# shellcheck disable=SC2030,SC2031,SC2154
load helpers

setup_file() {
	DESTDIR=$BATS_FILE_TMPDIR/installed meson install -C "$BUILD" --no-rebuild >"$BATS_FILE_TMPDIR/log" 2>&1 && return
	cat "$BATS_FILE_TMPDIR/log" >&2
	return 1
}

setup() {
	test_begin
	export LC_ALL=C.UTF-8 # so that grep counts characters
	local prefix
	prefix=$BATS_FILE_TMPDIR/installed$(option prefix)
	MAN=$prefix/$(option mandir)
	DATA=$prefix/$(option datadir)
	NAME=$(unique manual)
	cd "$BATS_TEST_TMPDIR" || return
}

option() { meson introspect --buildoptions "$BUILD" | jq -r --arg n "$1" '.[] | select(.name == $n).value'; }

# commands: their names, as the program has them
commands() { virtualing --help | sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p'; }

skip_without_pages() { skip_unless "this build has no pages, for scdoc is missing" test -e "$MAN/man1/virtualing.1"; }

# page NAME SECTION: as it is shown in 80 columns
page() { MANWIDTH=80 man -E UTF-8 -l "$MAN/man$2/$1.$2"; }

# options_in: "-f" and "--follow", one a line, of a help or of a page
options_in() { grep -oE '^ +(-[a-z], )?--[a-z-]+' | tr -d ' ' | tr ',' '\n' | sort; }

# same_words GOT WANTED WHAT
same_words() { equal "$(sort -u <<<"$1" | xargs)" "$(sort -u <<<"$2" | xargs)" "$3"; }

# ---- pages ----

@test "every command has a page, and the page has each of its options" {
	local command
	skip_without_pages
	[ "$(commands | wc -l)" -ge 10 ] || fail "the commands are only" "$(commands)"
	for command in $(commands); do
		[ -e "$MAN/man1/virtualing-$command.1" ] || fail "$command has no page"
		same_words "$(page "virtualing-$command" 1 | options_in)" "$(virtualing "$command" --help | options_in)" "$command"
	done
}

@test "the first page lists every command and leads to its page" {
	local command text
	skip_without_pages
	text=$(page virtualing 1)
	for command in $(commands); do
		grep -q "^       virtualing $command\b" <<<"$text" || fail "$command is not listed in:" "$text"
		has "$(tr -d '\n ' <<<"$text")" "virtualing-$command(1)"
	done
}

@test "the page of the file has every key that a description may have" {
	local key text
	skip_without_pages
	text=$(page virtualing 5 | sed -n '/^KEYS OF/,/^CALLS/p')
	echo 'Virtual.new(:jail => { :cmnd => "true" }).run' >least.rb
	for key in $(virtualing check --json least.rb | jq -r '.virtuals[0] | .resource, .jail, . | keys[]' |
		grep -vxE 'resource|jail|ip') memory mem cpu_quota blk_rbps io grow give_back vip; do
		grep -qE "^       (:[a-z_]+, )?:$key\b" <<<"$text" || fail ":$key is not there"
	done
}

@test "the examples in the page of the file do what it says" {
	skip_without_pages
	# Each begins like a file, indented, and ends where the text is less indented.
	page virtualing 5 | awk '/^           (Virtual\.new|v = Virtual\.new|ARGV\.each)/ { file = ++count ".rb" }
		/^(       )?[^ ]/ { file = "" }
		file { print > file }'
	sed -i 's|"/srv/sleepy"|"/srv/none"|' 1.rb
	sed -i "s/\"group\"/\"$NAME\"/" 4.rb
	mv 2.rb "$NAME-room.rb"
	run virtualing check 1.rb
	equal "$status $output" "0 1.rb: 1 virtual, nothing wrong"
	run virtualing check 3.rb 18501 18502
	equal "$status $output" "0 3.rb: 2 virtuals, nothing wrong"
	run virtualing "$NAME-room.rb"
	equal "$status $output" "0 $NAME-room: full 1 time, now 128 MiB"$'\n'"ended with 0"
	run virtualing 4.rb
	equal "$status $output" "0 100663296"
	[ ! -e 5.rb ] || fail "another example" "$(cat 5.rb)"
}

@test "every page is shown without a warning, within 80 columns" {
	local file
	skip_without_pages
	for file in "$MAN"/man[15]/*; do
		MANWIDTH=80 man --warnings -E UTF-8 -l "$file" >shown 2>warnings
		equal "$(<warnings)" "" "warnings about $file"
		equal "$(groff -man -ww -z "$file" 2>&1)" "" "groff about $file"
		# Only what is not to be broken, an example, may be wider.
		equal "$(grep -vE '^ {11}' shown | grep -cE '.{81}')" 0 "lines of $file too wide"
		equal "$(grep -c '‐' shown)" 0 "words of $file that are broken"
	done
}

# ---- completions ----

# cases: LINE | "only" these words or "has" them, for all shells; # is the cursor
cases() {
	cat <<END
virtualing ru#| only | run
virtualing #| has | $(commands | xargs)
virtualing con#| only | config.rb
virtualing list --#| only | $(virtualing list --help | options_in | grep -e -- | xargs)
virtualing run --mem#| only | --memory --memory-high
virtualing run --guard #| only | auto decoy pause wire
virtualing run --guard=d#| only | decoy
virtualing run --filter #| has | default none config.rb
virtualing run --report con#| only | config.rb config.txt
virtualing run --root fol#| only | folder
virtualing run --memory 1M --bind /a:/b -- ls con#| only | config.rb config.txt
virtualing run ls --mem#| only |
virtualing check con#| only | config.rb
virtualing stop $NAME#| only | $NAME
virtualing stop --timeout 3 $NAME#| only | $NAME
virtualing events #| has | $NAME
virtualing set $NAME mem#| only | memory memory_high
virtualing kill --signal HU#| only | HUP
virtualing kill -s HU#| only | HUP
virtualing run --memory 1M -- env virtualing-no-such-co#| only |
END
}

# Answers are compared without what only some shells put there: "=" and "/" at the end, the option before "=".
tidy() { tr ' ' '\n' <<<"$1" | sed 's/[=/]$//; s/^--[a-z]*=//' | sort -u | xargs; }

# compare: each line of the file answers is what its case says
compare() {
	local line how words answer word
	while IFS='|' read -r line how words; do
		IFS= read -r answer <&4 || fail "no answer to '$line'"
		answer=$(tidy "$answer")
		if [ "$how" = ' only ' ]; then
			equal "$answer" "$(tidy "$words")" "what is offered for '$line'"
		else
			for word in $words; do
				[[ " $answer " == *" $word "* ]] || fail "'$word' is not among what is offered for '$line':" "$answer"
			done
		fi
	done < <(cases) 4<answers
}

prepare() {
	start "$NAME"
	touch config.rb config.txt
	mkdir folder
}

@test "bash completes commands, options, values and names" {
	prepare
	# As readline does it, words are parted at blanks, "=" and ":".
	cat >ask.bash <<'END'
. "$1"
function=$(complete -p virtualing | sed 's/.*-F \([^ ]*\).*/\1/')
while IFS='#' read -r line _; do
	COMP_LINE=$line COMP_POINT=${#line}
	mapfile -t COMP_WORDS < <(sed -E 's/[=:]/\n&\n/g; s/ +/\n/g' <<<"$line")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
	"$function" virtualing "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
	echo "${COMPREPLY[*]}"
done
END
	cases | bash --norc ask.bash "$DATA/bash-completion/completions/virtualing" >answers
	compare
}

@test "zsh completes commands, options, values and names" {
	local lines
	prepare
	mapfile -t lines < <(cases | cut -d '#' -f 1)
	"$BATS_TEST_DIRNAME/complete.zsh" "$DATA/zsh/site-functions" "${lines[@]}" >answers
	compare
}

@test "fish completes commands, options, values and names" {
	prepare
	cat >ask.fish <<'END'
source $argv[1]
while read --delimiter '#' line rest
	set offered (complete -C "$line" | string replace -r '\t.*' '')
	printf '%s\n' "$offered"
end
END
	cases | HOME=$PWD fish --no-config ask.fish "$DATA/fish/vendor_completions.d/virtualing.fish" >answers
	compare
}

# ---- make install ----

@test "what is installed is taken away again" {
	local file
	skip_without_pages
	for file in "$MAN/man1/virtualing.1" "$MAN/man5/virtualing.5" "$DATA/bash-completion/completions/virtualing" \
		"$DATA/zsh/site-functions/_virtualing" "$DATA/fish/vendor_completions.d/virtualing.fish"; do
		[ -s "$file" ] || fail "$file is not installed"
	done
	DESTDIR=$PWD/installed meson install -C "$BUILD" --no-rebuild >/dev/null
	[ "$(find installed -type f | wc -l)" -gt 10 ]
	ninja -C "$BUILD" uninstall >/dev/null
	equal "$(find installed -type f)" "" "left behind"
}
