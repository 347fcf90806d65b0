
# Choices are words: what is meant itself, or @KIND for any of a kind.

_virtualing_any() {
	local choice
	local -a literal names all
	for choice; do
		case $choice in
		@virtual)
			names=(/run/virtualing/*(N/:t))
			all+=('virtuals:running virtual:compadd -a names')
			;;
		@key) all+=('keys:limit:compadd -S = -q -a _virtualing_keys') ;;
		@signal) all+=('signals:signal:_signals -s') ;;
		@pid) all+=('processes:process:_pids') ;;
		@user) all+=('users:user:_users') ;;
		@command) all+=('commands:command:_command_names -e') ;;
		@file) all+=('files:file:_files') ;;
		@directory) all+=('directories:directory:_directories') ;;
		@ruby) all+=('files:file:_files -g "*.rb(-.)"') ;;
		*) literal+=($choice) ;;
		esac
	done
	(( ! $#literal )) || all+=("words:choice:compadd -a literal")
	if (( $#all )); then
		_alternative $all
	else
		_message -e value value
	fi
}

_virtualing() {
	local context state state_descr line ret=1
	typeset -A opt_args

	_arguments -C -A '-*' \
		'(- *)'{-h,--help}'[show help]' \
		'(- *)--version[print the version]' \
		'1: :->first' '*:: :->rest' && ret=0
	case $state in
	first)
		_describe -t commands command _virtualing_commands && ret=0
		_files -g '*.rb(-.)' && ret=0
		;;
	rest)
		if (( $+functions[_virtualing_command_$line[1]] )); then
			_virtualing_command_$line[1] && ret=0
		else
			_files && ret=0
		fi
		;;
	esac
	return ret
}

if [[ $funcstack[1] == _virtualing ]]; then
	_virtualing "$@"
else
	compdef _virtualing virtualing
fi
