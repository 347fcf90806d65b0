# shellcheck shell=bash disable=SC2154 # the tables of commands and options are put before this

# Choices are words: what is meant itself, or @KIND for any of a kind.

_virtualing_add() { # _virtualing_add WORD COMPGEN-OPTION...: what compgen has for a word
	local found
	mapfile -t found < <(compgen "${@:2}" -- "$1")
	COMPREPLY+=("${found[@]}")
}

_virtualing_names() { # the folder of each virtual that is there
	local folder
	for folder in /run/virtualing/*/; do
		folder=${folder%/}
		[[ ! -d $folder ]] || echo "${folder##*/}"
	done
}

_virtualing_signals() {
	local signal
	for signal in $(compgen -A signal SIG); do
		case $signal in SIGJUNK*) ;; *) echo "${signal#SIG}" ;; esac
	done
}

_virtualing_pids() { (cd /proc && printf '%s\n' [0-9]*); }

_virtualing_any() { # _virtualing_any CHOICES WORD
	local choice
	for choice in $1; do
		case $choice in
		@virtual) _virtualing_add "$2" -W "$(_virtualing_names)" ;;
		@signal) _virtualing_add "$2" -W "$(_virtualing_signals)" ;;
		@pid) _virtualing_add "$2" -W "$(_virtualing_pids)" ;;
		@user) _virtualing_add "$2" -u ;;
		@command) _virtualing_add "$2" -c ;;
		@key)
			compopt -o nospace 2>/dev/null
			_virtualing_add "$2" -S = -W "$_virtualing_keys"
			;;
		@file | @directory | @ruby)
			compopt -o filenames 2>/dev/null
			case $choice in
			@file) _virtualing_add "$2" -f ;;
			@directory) _virtualing_add "$2" -d ;;
			@ruby)
				# Hidden folders are for who asks for them.
				_virtualing_add "$2" -d -X "$(case $2 in */* | .*) ;; *) echo '.*' ;; esac)"
				_virtualing_add "$2" -f -X '!*.rb'
				;;
			esac
			;;
		*) _virtualing_add "$2" -W "$choice" ;;
		esac
	done
}

# words: what stands before the cursor, in one piece again where bash has parted it at "=" or ":"; at: where each began
_virtualing_split() {
	local i word glued=
	words=(virtualing) at=(0)
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $glued || ($i -gt 1 && $word == [=:]) ]]; then
			words[-1]+=$word
			glued=
			[[ $word != [=:] ]] || glued=1
		else
			words+=("$word")
			at+=("$i")
		fi
	done
}

# Readline replaces only what stands behind the last "=" or ":".
_virtualing_cut() {
	local before=${1%"${1##*[=:]}"} i
	[[ $before && $COMP_WORDBREAKS == *[=:]* ]] || return
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$before"}
	done
}

_virtualing_foreign() { # the rest of the line, from word $1 on, is of another program
	if declare -F _command_offset >/dev/null; then
		_command_offset "${at[$1]}"
	elif (($1 == ${#words[@]} - 1)); then
		_virtualing_add "${words[-1]}" -c
	else
		compopt -o filenames 2>/dev/null
		_virtualing_add "${words[-1]}" -f
	fi
}

_virtualing_first() {
	case $1 in
	-*) _virtualing_add "$1" -W '--help --version' ;;
	*)
		_virtualing_add "$1" -W "$_virtualing_commands"
		_virtualing_any @ruby "$1"
		;;
	esac
}

_virtualing_rest() { # _virtualing_rest COMMAND
	local last=$((${#words[@]} - 1)) number=1 ended='' i word
	local current=${words[last]}
	for ((i = 2; i < last; i++)); do
		word=${words[i]}
		if [[ ! $ended && $word == -- ]]; then
			ended=1
		elif [[ ! $ended && $word == -?* ]]; then
			if [[ $word != *=* ]] && _virtualing_value "$1 $word" >/dev/null && ((++i == last)); then
				_virtualing_any "$(_virtualing_value "$1 $word")" "$current"
				return
			fi
		else
			[[ $(_virtualing_argument "$1 $number") != @command ]] || break
			((number++))
			[[ " $_virtualing_options_first " != *" $1 "* ]] || ended=1
		fi
	done
	if [[ ! $ended && $current == --*=* ]]; then
		_virtualing_any "$(_virtualing_value "$1 ${current%%=*}")" "${current#*=}"
	elif [[ ! $ended && $i == "$last" && $current == -* ]]; then
		_virtualing_add "$current" -W "$(_virtualing_options "$1")"
	elif [[ $(_virtualing_argument "$1 $number") == @command ]]; then
		_virtualing_foreign "$i"
	else
		_virtualing_any "$(_virtualing_argument "$1 $number")" "$current"
		_virtualing_cut "$current"
	fi
}

_virtualing() {
	local words at
	COMPREPLY=()
	_virtualing_split
	if ((${#words[@]} == 2)); then
		_virtualing_first "${words[1]}"
	elif [[ ${words[1]} == *.rb ]]; then
		_virtualing_any @file "${words[-1]}"
	else
		_virtualing_rest "${words[1]}"
	fi
}

complete -F _virtualing virtualing
