#!/bin/sh
# Run by apt after each update: leaves out the sections of Debian from which nobody installs anything in the lab, but
# for what is installed and what other packages depend on. All that apt knows it reads and weighs at every start.
cd /var/lib/apt/lists || exit 0
for list in *_Packages; do
    [ -s "$list" ] || continue
    awk -v RS= -v ORS='\n\n' '
function name_of(paragraph) { return substr(paragraph, 10, index(paragraph, "\n") - 10) }
function keep(name) { if (!(name in kept)) { kept[name] = 1; waiting[++last] = name } }
pass == 0 { keep(name_of($0)) }
pass == 1 {
    name = name_of($0)
    count = split($0, lines, "\n")
    for (i = 1; i <= count; i++)
        if (sub(/^(Pre-)?Depends: /, "", lines[i])) wants[name] = wants[name] "," lines[i]
    if (!/\nSection: (cli-mono|comm|debug|devel|doc|education|electronics|embedded|games|gnome|gnu-r|gnustep|golang|graphics|hamradio|haskell|introspection|java|javascript|kde|libdevel|lisp|news|ocaml|oldlibs|perl|php|ruby|rust|science|sound|tasks|tex|video|x11|xfce|zope)\n/)
        keep(name)
}
pass == 2 && FNR == 1 {
    while (first < last) {
        count = split(wants[waiting[++first]], names, /[,|] */)
        for (i = 1; i <= count; i++) { sub(/[ :(].*/, "", names[i]); keep(names[i]) }
    }
}
pass == 2 && name_of($0) in kept' pass=0 /var/lib/dpkg/status pass=1 "$list" pass=2 "$list" > .part
    cmp -s .part "$list" || cat .part > "$list"
    rm .part
done
