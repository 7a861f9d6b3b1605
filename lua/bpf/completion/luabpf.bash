# Completion of luabpf for bash; an installation has it where bash-completion looks.
# In a source tree: . lua/bpf/completion/luabpf.bash

_luabpf() {
    # Readline splits words at colons, which stand in the names of probes; so the line is split again.
    local line=${COMP_LINE:0:COMP_POINT} words candidate
    read -ra words <<< "$line"
    [[ $line != *[[:space:]] ]] || words+=('')
    local last=${words[-1]}
    local hidden=${last%"${COMP_WORDS[COMP_CWORD]}"} # what of the word readline takes for given
    [[ ${COMP_WORDS[COMP_CWORD]} != : ]] || hidden=$last
    [[ $last == *:* ]] || hidden=
    COMPREPLY=()
    while IFS= read -r candidate; do
        if [[ $candidate == FILES ]]; then
            compopt -o default
        else
            [[ $candidate != *: ]] || compopt -o nospace
            COMPREPLY+=("${candidate#"$hidden"}")
        fi
    done < <("${words[0]}" --complete "${words[@]:1}" 2> /dev/null)
}
complete -F _luabpf luabpf ./luabpf
