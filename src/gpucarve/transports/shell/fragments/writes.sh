# The writes. Each leaves its word in k (done, or why not) and the system's text in the scratch file `e`, its stderr.
# Bytes to write are what the function `given` prints: the program defines it anew before each such write.

# fail WORD TEXT: a failure that we found ourselves.
fail() {
  k=$1
  printf '%s\n' "$2" >&2
  return 1
}

# settle FILE...: to the disk; the oldest sync knows no names.
settle() {
  sync "$@" 2>/dev/null || sync
}

# mark NUMBER STATE [WORD]: a write that did not begin.
mark() {
  place || return
  printf '%s %s\n' "$1" "$2" >>"$S/record"
  say "write $*"
}

# alone NUMBER: begin a write that is not put off, with everything before it done.
alone() {
  place && settle_now && begin "$1"
}

# begin NUMBER: say in the record that a write comes; without room for that it does not, and cat says why not.
begin() {
  w=$1 k=done
  printf '%s begun\n' "$1" >>"$S/record" 2>e && return
  echo >x && cat x >>"$S/record" 2>e
  send "write $1 unrecorded" e
  return 1
}

# ended: the write's last word, in the record and to the caller; false ends the writes.
ended() {
  if [ "$k" = done ] && [ -s e ]; then k=noise; fi
  case $k in done) x=done ;; *) x=failed ;; esac
  printf '%s %s\n' "$w" "$x" >>"$S/record"
  if [ -s e ]; then send "write $w $k" e; else say "write $w $k"; fi
  [ "$k" = done ]
}

# act NUMBER FUNCTION ARGUMENT...: carry out one write.
act() {
  alone "$1" || return
  shift
  "$@" 2>e || [ "$k" != done ] || k=errno
  ended
}

# act_run NUMBER LIMIT DEADLINE COMMAND...: run a command with what is given as its stdin.
act_run() {
  alone "$1" || return
  given >in 2>e || { k=errno; ended; return; }
  l=$2 r=$3
  shift 3
  true >"o.$l"
  true >"oe.$l"
  child in "o.$l" "oe.$l" "$r" "$@"
  r=failed
  case $k:$s in exited:0) r=done ;; esac
  printf '%s %s\n' "$w" "$r" >>"$S/record"
  if [ -s "o.$l" ] || [ -s "oe.$l" ]; then send "write $w $k $s" "o.$l" "oe.$l"; else say "write $w $k $s"; fi
  [ "$r" = done ]
}

# poke PATH LENGTH DEADLINE: what is given in one write(2). dd, since a shell's own printf does not tell the error.
poke() {
  given >in || return
  [ -e "$1" ] || fail absent "$1: No such file or directory" || return
  child /dev/null o e "$3" dd if="$T/in" of="$1" bs="$2" count=1 status=none
  case $k:$s in
    exited:0) k=done ;;
    exited:1) k=errno ;;
    exited:*) k="exited $s" ;;
  esac
  [ "$k" = done ]
}

# make_link PATH TARGET
make_link() {
  absent "$1" || fail exists "$1: File exists" || return
  ln -s -- "$2" "$1"
}

# remove_path PATH
remove_path() {
  if [ -d "$1" ] && [ ! -L "$1" ]; then
    rmdir "$1"
  elif absent "$1"; then
    fail absent "$1: No such file or directory"
  else
    rm -f "$1"
  fi
}
