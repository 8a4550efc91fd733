# The predicates of `gpucarve.calls.predicates`, true in the same cases. A read that fails makes them false.

# content FILE: sets x to a regular file's bytes without trailing line ends; a NUL, and an error, shows as byte 1. False
# for more than 4 MiB.
content() {
  [ -f "$1" ] || return 1
  x=$({ head -c 4194305 "$1" || printf '\1'; } 2>/dev/null | tr '\0' '\1' && printf .)
  [ "${#x}" -le 4194305 ] || return 1
  x=${x%.}
  nl='
'
  case $x in
    *"$nl$nl") x=$(printf %s "$x") ;;
    *"$nl") x=${x%"$nl"} ;;
  esac
}

equals() {
  content "$1" && [ "x$x" = "x$2" ]
}

absent() {
  [ ! -e "$1" ] && [ ! -L "$1" ]
}

links_to() {
  [ -L "$1" ] && x=$(readlink -n "$1" 2>/dev/null && printf .) && [ "x$x" = "x$2." ]
}

# at_least FILE VALUE: VALUE has at most 18 digits, so a longer text is larger.
at_least() {
  content "$1" || return 1
  case $x in '' | *[!0-9]*) return 1 ;; esac
  x=${x#"${x%%[!0]*}"}
  [ "${#x}" -gt 18 ] || [ "${x:-0}" -ge "$2" ]
}

# sha256 FILE DIGEST: Y is the digest of the FILE that X names. One that is asked for twice by a guard, as what it is to be
# and as what it may be, is read once: each guard begins with X empty.
sha256() {
  [ -f "$1" ] || return 1
  if [ "$X" != "$1" ]; then
    X=$1 Y=$({ head -c 4194305 "$1" || printf x; } 2>/dev/null | sha256sum)
    Y=${Y%% *}
  fi
  [ "$Y" = "$2" ] && [ "$(wc -c <"$1")" -le 4194304 ]
}
