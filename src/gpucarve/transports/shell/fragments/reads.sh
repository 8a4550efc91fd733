# The reads. Each makes the parts that its parser expects, and no process per file where names are plain.

# files PART LIMIT NAME...: a: what xargs gives to head, a mark before each plain name; b: marks and contents;
# c: what head complained of; d: what is not in a: n a non-file, d a dangling link, o an odd name and its complaint.
files() {
  p=$1 l=$2 odd=
  shift 2
  true >"${p}b"
  true >"${p}c"
  true >"${p}d"
  for f do
    if [ -f "$f" ]; then
      case $f in
        *[!-A-Za-z0-9/._:@+,=%~#]*) odd=1 ;;
        *) printf 'mark\0%s\0' "$f" ;;
      esac
    elif [ -e "$f" ]; then
      printf 'n%s\0' "$f" >>"${p}d"
    elif [ -L "$f" ]; then
      printf 'd%s\0' "$f" >>"${p}d"
    fi
  done >"${p}a"
  if [ -s "${p}a" ]; then
    timeout -k 2 60 xargs -0 head -q -c "$l" <"${p}a" >"${p}b" 2>"${p}c" || printf 'status %s\n' "$?" >>"${p}c"
  fi
  [ -z "$odd" ] || odd_files "$p" "$l" "$@"
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

# described PART FORMAT: stat every name on stdin (each ended by NUL); b: the nonce and FORMAT for each; c: complaints.
described() {
  QUOTING_STYLE=literal timeout -k 2 60 xargs -0 stat -c "$N$2" >"${1}b" 2>"${1}c" || printf 'status %s\n' "$?" >>"${1}c"
}

# symlinks PART NAME...: a: those that are symbolic links; b: name and text of each.
symlinks() {
  p=$1
  shift
  true >"${p}b"
  true >"${p}c"
  for f do
    [ ! -L "$f" ] || printf '%s\0' "$f"
  done >"${p}a"
  [ ! -s "${p}a" ] || described "$p" %N <"${p}a"
}

# statuses PART NAME...: b: raw mode, owner, group and name of each.
statuses() {
  p=$1
  shift
  true >"${p}b"
  true >"${p}c"
  for f do
    if [ -e "$f" ] || [ -L "$f" ]; then printf '%s\0' "$f"; fi
  done >"${p}a"
  [ ! -s "${p}a" ] || described "$p" '%f %u %g %n' <"${p}a"
}

# openers PART PREFIX...: a: descriptors in /proc that may point below a PREFIX; b: their texts; d and e: a mark and a
# name, a mark and the argv, for each of their processes. One pass finds candidates, a second one reads them exactly.
openers() {
  p=$1
  shift
  true >"${p}b"
  true >"${p}c"
  true >"${p}d"
  true >"${p}e"
  true >x
  for f do
    printf ' -> %s\n' "$f"
    printf " -> '%s\n" "$f"
  done >y
  for f in /proc/[0-9]*/fd/[0-9]*; do
    case $f in "/proc/$$/"*) ;; *) printf '%s\0' "$f" ;; esac
  done | QUOTING_STYLE=literal timeout -k 2 60 xargs -0 stat -c %N 2>/dev/null | grep -aF -f y >x
  n=
  while IFS= read -r f; do
    f=${f%% ->*}
    f=${f#\'}
    f=${f%\'}
    case $f in /proc/[0-9]*/fd/[0-9]*) ;; *) continue ;; esac
    printf '%s\0' "$f"
    f=${f%/fd/*}
    case "$n " in
      *" $f "*) ;;
      *) n="$n $f"; printf 'mark\0%s\0' "$f/cmdline" >>"${p}d" ;;
    esac
  done <x >"${p}a"
  if [ -s "${p}a" ]; then
    described "$p" %N <"${p}a"
    xargs -0 head -q -c 4096 <"${p}d" >"${p}e" 2>/dev/null
  fi
}

# inspect PART LIMIT DEADLINE COMMAND...: a: how it ended; b, c: stdout and stderr up to LIMIT bytes.
inspect() {
  p=$1 l=$2 d=$3 s=0
  shift 3
  true >"${p}b.$l"
  true >"${p}c.$l"
  child /dev/null "${p}b.$l" "${p}c.$l" "$d" "$@"
  printf '%s %s' "$k" "$s" >"${p}a"
}
