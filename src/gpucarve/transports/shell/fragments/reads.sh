# The reads. Each makes the parts that its parser expects, and no process per file where names are plain.

# over TEST WORD COMMAND NAME...: run COMMAND with the names that pass TEST, WORD before each, as many at once as an
# argv holds. Names stay where they are, as "${1}" "${2}" ...: busybox' xargs -0 loses bytes where it splits its input.
# Those that are done with are shifted away: bash walks a list to find "${60000}", and a host has that many descriptors.
over() {
  t=$1 w=$2 m=$3 c= n=0 z=0
  shift 3
  for f do
    n=$((n + 1))
    "$t" || continue
    c="$c $w \"\${$n}\"" z=$((z + ${#f} + 8))
    if [ "$z" -gt 40000 ]; then
      eval "timeout -k 2 60 $m$c" || printf 'status %s\n' "$?" >&2
      shift "$n"
      c= n=0 z=0
    fi
  done
  [ -z "$c" ] || eval "timeout -k 2 60 $m$c" || printf 'status %s\n' "$?" >&2
}

# files PART LIMIT NAME...: a: plain names of regular files; b: a mark and the content of each; c: what head complained
# of; d: the other matches: n a non-file, d a dangling link, o an odd name and its complaint.
files() {
  p=$1 l=$2 odd=
  shift 2
  for f in a b c d; do true >"$p$f"; done
  over plain_file mark "head -q -c $l" "$@" >"${p}b" 2>"${p}c"
  [ -z "$odd" ] || odd_files "$p" "$l" "$@"
}

# own_record PART: the same of our record, by the shell itself: it is short, and every look reads it first and last.
own_record() {
  for f in a b c d; do true >"$1$f"; done
  [ -f "$S/record" ] || return 0
  printf '%s\0' "$S/record" >"${1}a"
  {
    printf '%s\n' "$N"
    while IFS= read -r x; do printf '%s\n' "$x"; done
    printf %s "$x"
  } <"$S/record" >"${1}b"
}

# plain_file: whether f is a regular file whose name a message of head can be trusted to name.
plain_file() {
  if [ -f "$f" ]; then
    case $f in
      *[!-A-Za-z0-9/._:@+,=%~#]*) odd=1 ;;
      *) printf '%s\0' "$f" >>"${p}a"; return ;;
    esac
  elif [ -e "$f" ]; then
    printf 'n%s\0' "$f" >>"${p}d"
  elif [ -L "$f" ]; then
    printf 'd%s\0' "$f" >>"${p}d"
  fi
  return 1
}

# odd_files PART LIMIT NAME...: names that a message could not be trusted to name, one by one.
odd_files() {
  p=$1 l=$2
  shift 2
  for f do
    case $f in
      *[!-A-Za-z0-9/._:@+,=%~#]*)
        if [ -f "$f" ]; then
          cat mark >>"${p}b"
          x=
          timeout -k 2 60 head -c "$l" "$f" >>"${p}b" 2>x || x="status $? $(cat x)"
          printf 'o%s\0%s\0' "$f" "$x" >>"${p}d"
        fi ;;
    esac
  done
}

# described PART TEST FORMAT NAME...: a: the names that pass TEST; b: the nonce and stat's FORMAT for each; c: complaints.
described() {
  p=$1
  true >"${p}a"
  t=$2 w="-c '$N$3'"
  shift 3
  QUOTING_STYLE=literal
  export QUOTING_STYLE
  over "$t" '' "stat $w" "$@" >"${p}b" 2>"${p}c"
  unset QUOTING_STYLE
}

is_link() {
  [ -L "$f" ] && printf '%s\0' "$f" >>"${p}a"
}

is_there() {
  if [ -e "$f" ] || [ -L "$f" ]; then printf '%s\0' "$f" >>"${p}a"; else false; fi
}

# symlinks PART NAME...: name and text of each symbolic link.
symlinks() {
  p=$1
  shift
  described "$p" is_link %N "$@"
}

# statuses PART NAME...: raw mode, owner, group and name of each.
statuses() {
  p=$1
  shift
  described "$p" is_there '%f %u %g %n' "$@"
}

# openers PART PREFIX...: descriptors in /proc that point below a PREFIX: their names and texts as symlinks gives them; c
# ends in "refused" for a user who cannot look into other users' processes; d and e: the processes, a mark and the argv
# of each. A first pass finds candidates, a second one reads them exactly.
openers() {
  r=$1
  shift
  true >"${r}d"
  true >"${r}e"
  for f do
    printf ' -> %s\n' "$f"
    printf " -> '%s\n" "$f"
  done >y
  described x true %N /proc/[0-9]*/fd/[0-9]*
  grep -aF -f y xb >x
  set --
  q=
  while IFS= read -r f; do
    f=${f#"$N"}
    f=${f%% ->*}
    f=${f#\'}
    f=${f%\'}
    case $f in
      "/proc/$$/"*) ;;
      /proc/[0-9]*/fd/[0-9]*)
        set -- "$@" "$f"
        f=${f%/fd/*}/cmdline
        case "$q " in *" $f "*) ;; *) q="$q $f" ;; esac ;;
    esac
  done <x
  symlinks "$r" "$@"
  [ -r /proc/1/fd ] || echo refused >>"${r}c"
  for f in $q; do
    printf '%s\0' "$f" >>"${r}d"
    cat mark >>"${r}e"
    head -c 4096 "$f" >>"${r}e" 2>/dev/null
  done
}

# inspect PART STDIN LIMIT DEADLINE COMMAND...: a: how it ended; b, c: stdout and stderr up to LIMIT bytes.
inspect() {
  p=$1 i=$2 l=$3 d=$4 s=0
  shift 4
  true >"${p}b.$l"
  true >"${p}c.$l"
  child "$i" "${p}b.$l" "${p}c.$l" "$d" "$@"
  printf '%s %s' "$k" "$s" >"${p}a"
}
