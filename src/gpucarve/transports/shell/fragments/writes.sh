# The writes. Each leaves its word in k (done, or why not) and the system's text in the scratch file `e`, its stderr.
# Bytes to write are in the scratch file `in`.

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
  printf '%s %s\n' "$1" "$2" >>"$S/record"
  say "write $*"
}

# A file that was renamed into its place stands there after a power cut once its directory is on the disk. Files that
# are written one after the other wait for that together: D names their directories, d1 d2 ... are those, Q is how many.

# settle_later DIRECTORY: before anything else than a file is written, and before the program ends.
settle_later() {
  case $D in
    '') Q=0 ;;
    *) eval "[ \"x\$d$Q\" != \"x\$1\" ]" || return 0 ;;
  esac
  Q=$((Q + 1))
  eval "d$Q=\$1"
  D="$D \"\$d$Q\""
}

# settle_now: what was put off.
settle_now() {
  [ -z "$D" ] || eval "settle $D"
  D=
}

# begin NUMBER: say in the record that a write comes; without room for that it does not, and cat says why not.
begin() {
  w=$1 k=done
  printf '%s begun\n' "$1" >>"$S/record" 2>e && return
  echo >x && cat x >>"$S/record" 2>e
  send "write $1 unrecorded" e
  return 1
}

# note FILE TEXT: a small file of ours. By cat, for a shell's own printf does not tell why it could not write.
note() {
  printf '%s' "$2" >x && cat x >"$1"
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
  [ "$2" = put ] || settle_now
  begin "$1" || return
  shift
  "$@" 2>e || [ "$k" != done ] || k=errno
  ended
}

# act_run NUMBER LIMIT DEADLINE COMMAND...: run a command with `in` as its stdin.
act_run() {
  settle_now
  begin "$1" || return
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

# put PATH MODE [OWNER]: `in` becomes the content of PATH, by a file beside it. With OWNER, mode and owner are set too.
put() {
  follow "$1" || return
  [ -d "${q%/*}/" ] || fail absent "${q%/*}: No such directory" || return
  t=${q%/*}/.gpucarve-$N
  if put_aside "$2" "$3" && dd if=in of="$t" bs=65536 conv=fsync status=none && mv -f "$t" "$q"; then
    settle_later "${q%/*}/"
    return
  fi
  rm -f "$t"
  return 1
}

# follow PATH: sets q to what PATH names at the end of its links, there or not. By hand: busybox' readlink -f takes a link
# that leads to nothing relative to the working directory.
follow() {
  q=$1 n=0
  while [ -L "$q" ]; do
    x=$(readlink -n "$q" && printf .) || return
    case $x in /*) q=${x%.} ;; *) q=${q%/*}/${x%.} ;; esac
    n=$((n + 1))
    [ "$n" -lt 40 ] || fail errno "$1: Too many levels of symbolic links" || return
  done
}

# put_aside MODE [OWNER]: make t, with the mode, owner and context that q has or is to have.
put_aside() {
  if [ -f "$q" ]; then
    cp -p "$q" "$t" || return
    if [ -e /sys/fs/selinux/enforce ] && command -v chcon >/dev/null; then chcon --reference="$q" "$t" || return; fi
    [ -n "$2" ] || return 0
  elif [ -e "$q" ]; then
    fail notregular "$q is not a regular file" || return
  else
    true >"$t" || return
    if [ -n "$2" ] || [ -g "${q%/*}/" ]; then true; else chmod "$1" "$t"; return; fi
  fi
  chown "${2:-0:0}" "$t" && chmod "$1" "$t"
}

# poke PATH LENGTH DEADLINE: `in` in one write(2). dd, since a shell's own printf does not tell the error.
poke() {
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

# claim KEY PATH...: `in` is the record. Everything is built aside and synced, then named.
claim() {
  c=$S/claims
  [ ! -d "$c/$1" ] || return 0
  a=$c/.new
  if build_claim "$@"; then
    mv "$a" "$c/$1" && settle "$c"
  else
    rm -rf "$a"
    return 1
  fi
}

build_claim() {
  shift
  if [ ! -d "$c" ]; then mkdir "$c" && settle "$S" || return; fi
  [ ! -e "$a" ] || rm -rf "$a" || return
  n=0 x='"$a" "$a/kept"'
  for f do
    x="$x \"\$a/kept/$n\""
    n=$((n + 1))
  done
  eval "mkdir $x" && cat in >"$a/record" || return
  n=0
  for f do
    note "$a/kept/$n/path" "$f" && keep "$f" "$a/kept/$n" || return
    n=$((n + 1))
  done
  if [ "$n" = 0 ]; then
    settle "$a/record" "$a/kept" "$a"
  else
    settle "$a/kept/"*/* "$a/kept/"* "$a/record" "$a/kept" "$a"
  fi
}

# keep PATH DIRECTORY: what stands there.
keep() {
  if [ -L "$1" ]; then
    note "$2/status" "link
" && readlink -n "$1" >"$2/content"
  elif [ -f "$1" ]; then
    stat -c 'file %a %u %g' "$1" >"$2/status" && cat "$1" >"$2/content"
  elif [ -e "$1" ]; then
    fail notregular "$1 is not a regular file"
  else
    note "$2/status" "absent
"
  fi
}

# restore KEY PATH
restore() {
  for c in "$S/claims/$1/kept/"*; do
    [ -f "$c/path" ] && [ "x$(cat "$c/path" && printf .)" = "x$2." ] || continue
    read -r how m u g <"$c/status" || return
    [ ! -d "$2" ] || [ -L "$2" ] || fail notregular "$2 is a directory now" || return
    case $how in
      file)
        [ ! -L "$2" ] || rm -f "$2" || return
        cat "$c/content" >in && put "$2" "$m" "$u:$g" ;;
      link) x=$(cat "$c/content" && printf .) && rm -f "$2" && ln -s -- "${x%.}" "$2" ;;
      absent) rm -f "$2" ;;
      *) fail other "$c/status cannot be read" ;;
    esac
    return
  done
  fail absent "$2 was not preserved with $1"
}

# disown_claim KEY
disown_claim() {
  c=$S/claims
  [ -d "$c/$1" ] || return 0
  [ ! -e "$c/.gone" ] || rm -rf "$c/.gone" || return
  mv "$c/$1" "$c/.gone" && rm -rf "$c/.gone" && settle "$c"
}
