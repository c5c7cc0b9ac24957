# bash completion for hvm-dm and hvm-img: the words come from the programs' own help.

_hvm_dm() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words
    case $prev in
    -device) words=$("$1" -device help 2>/dev/null | sed -n 's/^ *\([a-z0-9-]*\) .*/\1/p') ;;
    -accel) words="kvm xen qtest replay" ;;
    -machine | -M) words="pc xenfv none" ;;
    -vga) words="std cirrus none" ;;
    -display) words="none sdl vnc=" ;;
    *)
        if [[ $cur == -* ]]; then
            words=$("$1" --help 2>/dev/null | sed -n 's/^  \(-[a-zA-Z-]*\).*/\1/p')
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
        fi
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

_hvm_img() {
    local cur=${COMP_WORDS[COMP_CWORD]} words
    if [ "$COMP_CWORD" = 1 ]; then
        words=$("$1" --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}

complete -o filenames -F _hvm_dm hvm-dm
complete -o filenames -F _hvm_img hvm-img
