#!/usr/bin/zsh -f
# Prints what zsh offers for each line, sorted, separated by blanks: complete.zsh FOLDER LINE...
#
# FOLDER holds _virtualing. A second zsh runs on a terminal of its own, for completion is only there while a line is
# edited; in it compadd notes what it is given.
zmodload zsh/zpty
work=$(mktemp -d) || exit
trap 'rm -rf $work' EXIT

cat >$work/.zshrc <<END
PROMPT= RPROMPT=
work=$work
fpath=(${(q)1} \$fpath)
END
cat >>$work/.zshrc <<'END'
autoload -Uz compinit && compinit -u -D
compadd() {
	# With one of these it does not offer but fills an array.
	if [[ -n ${argv[(r)-(A|O|D)*]} ]]; then
		builtin compadd "$@"
		return
	fi
	local -a __offered
	builtin compadd -A __offered "$@"
	(( ! $#__offered )) || print -rl -- $__offered >>$work/offered
	builtin compadd "$@"
}
offer() {
	zle list-choices
	: >$work/done
}
zle -N offer
bindkey '^X' offer
setopt no_always_last_prompt
LISTMAX=9999
: >$work/ready
END

wait_for() {
	local i
	for i in {1..200}; do
		[[ ! -e $work/$1 ]] || return 0
		zpty -r -t terminal >/dev/null # what it prints must not fill the terminal
		sleep 0.02
	done
	print -u2 "complete.zsh: waited in vain for: $1"
	return 1
}

result=0
zpty terminal env ZDOTDIR=$work TERM=dumb zsh -i
wait_for ready || result=1
for line in ${@[2,-1]}; do
	(( ! result )) || break
	rm -f $work/done $work/offered
	zpty -n -w terminal $'\x15'$line$'\x18' # empties the line, types, asks
	wait_for done || result=1
	[[ ! -e $work/offered ]] && print || print -r -- ${(uo)${(f)"$(<$work/offered)"}}
done
zpty -d terminal
exit $result
