
# Choices are words: what is meant itself, or @KIND for any of a kind.

function __virtualing_any
	for choice in $argv
		switch $choice
			case @virtual
				for folder in /run/virtualing/*/
					string match -rq '/(?<name>[^/]+)/$' -- $folder
					and printf '%s\trunning virtual\n' $name
				end
			case @key
				printf '%s=\n' (string split ' ' -- $__virtualing_keys)
			case @signal
				kill -l | string split ' ' | string match -r '^[A-Z].*'
			case @pid
				__fish_complete_pids
			case @user
				__fish_complete_users
			case @file @command
				__fish_complete_path (commandline -ct | string replace -r '^--[^=]*=' '')
			case @directory
				__fish_complete_directories (commandline -ct | string replace -r '^--[^=]*=' '')
			case @ruby
				__fish_complete_path (commandline -ct) | string match -er '(?:/|\.rb)(?:\t.*)?$'
			case '*'
				echo $choice
		end
	end
end

# Prints the command, the number of the argument under the cursor, whether options have ended, and where that argument
# stands in the line if from there on it is another program's.
function __virtualing_state
	set -l words (commandline -opc)
	set -l command $words[2]
	set -l number 1
	set -l ended no
	set -l at 3
	while test $at -le (count $words)
		set -l word $words[$at]
		if test $ended = no; and test "$word" = --
			set ended yes
		else if test $ended = no; and string match -q -- '-?*' $word
			if not string match -q -- '*=*' $word; and __virtualing_value $command $word >/dev/null
				set at (math $at + 1)
			end
		else
			test "$(__virtualing_argument $command $number)" = @command
			and break
			set number (math $number + 1)
			contains -- $command $__virtualing_options_first
			and set ended yes
		end
		set at (math $at + 1)
	end
	printf '%s\n' "$command" $number $ended $at
end

function __virtualing_wants_command
	test (count (commandline -opc)) -eq 1
end

# An option of this command may stand here.
function __virtualing_in
	set -l state (__virtualing_state)
	test "$state[1]" = $argv[1]
	and test $state[3] = no
	and test $state[4] -gt (count (commandline -opc))
end

function __virtualing_wants_argument
	test (count (commandline -opc)) -gt 1
	and not string match -q -- '-*' (commandline -ct)
end

function __virtualing_offer_argument
	set -l state (__virtualing_state)
	set -l choices (__virtualing_argument $state[1] $state[2])
	if string match -q -- '*.rb' $state[1]
		__virtualing_any @file
	else if test "$choices" = @command
		set -l words (commandline -opc) (commandline -ct)
		complete -C (string join ' ' -- $words[$state[4]..-1])
	else
		__virtualing_any (string split -n ' ' -- $choices)
	end
end

complete -c virtualing -n __virtualing_wants_command -a '(__virtualing_any @ruby)'
complete -c virtualing -n __virtualing_wants_command -l help -s h -d 'show help'
complete -c virtualing -n __virtualing_wants_command -l version -d 'print the version'
complete -c virtualing -n __virtualing_wants_argument -a '(__virtualing_offer_argument)'
