# Files, with nothing half-written at any moment. Those that are written one after the other are put aside first, reach
# the disk together, and then take their places in their order; their directories reach the disk together after that.
# W: the numbers of those that wait for their places; p_NUMBER and t_NUMBER: the place of each and where it is now; A: all
# of those, C: those that still lack the mode M. D: the directories that are not on the disk yet; d1 d2 ... are those, Q is
# how many.

# act_put NUMBER PATH MODE: put aside what is to be the content of PATH. Where that fails it is tried by itself, after what
# waits took its place and gave the room of what stood there back; that tells why it fails.
act_put() {
  [ -z "$C" ] || [ "$M" = "$3" ] || place || return
  w=$1
  if put_aside "$2" "$3" 2>x && [ ! -s x ]; then
    eval "p_$1=\$q t_$1=\$t"
    W="$W $1" A="$A \"\$t_$1\""
    [ -z "$m" ] || M=$m C="$C \"\$t_$1\""
  else
    [ -z "$t" ] || rm -f "$t" 2>/dev/null
    act "$1" put "$2" "$3"
  fi
}

# place: what waits takes its place. The first that does not is the last: those after it are dropped.
place() {
  [ -n "$W" ] || return 0
  R=
  for v in $W; do
    begin "$v" && act_place "$v" && continue
    eval "rm -f $A" 2>/dev/null
    W= A= C=
    return 1
  done
  W= A= C=
}

# act_place NUMBER: one of them. With the first all get their modes, and reach the disk.
act_place() {
  eval "q=\$p_$1 t=\$t_$1"
  { { [ -n "$R" ] || make_ready; } && take_place; } 2>e || k=errno
  ended
}

make_ready() {
  [ -z "$C" ] || eval "chmod $M $C" || return
  eval "settle_contents $A" && R=ready
}

take_place() {
  mv -f "$t" "$q" && settle_later "${q%/*}/"
}

# put PATH MODE [OWNER]: what is given becomes the content of PATH, by a file beside it. With OWNER, mode and owner are set.
put() {
  if put_aside "$@" && { [ -z "$m" ] || chmod "$m" "$t"; } && settle_contents "$t" && take_place; then return; fi
  [ -z "$t" ] || rm -f "$t"
  return 1
}

# put_aside PATH MODE [OWNER]: sets q to what PATH names, and makes t beside it: what is given, with the owner and context
# that q has or is to have. m is the mode that t is to get still.
put_aside() {
  t= m=$2
  follow "$1" || return
  [ -d "${q%/*}/" ] || fail absent "${q%/*}: No such directory" || return
  if [ -e "$q" ] && [ ! -f "$q" ]; then fail notregular "$q is not a regular file" || return; fi
  for x in "${q%/*}/.gpucarve-"*-[0-9]*; do
    # left by a program that was killed: the lock says that none is alive
    case $x in *"/.gpucarve-$N-"*) ;; *) [ ! -f "$x" ] || rm -f "$x" || return ;; esac
  done
  t=${q%/*}/.gpucarve-$N-$w
  if [ -f "$q" ]; then
    cp -p "$q" "$t" || return
    if [ -e /sys/fs/selinux/enforce ] && command -v chcon >/dev/null; then chcon --reference="$q" "$t" || return; fi
    if [ -n "$3" ]; then chown "$3" "$t" || return; else m=; fi
  else
    true >"$t" || return
    if [ -n "$3" ] || [ -g "${q%/*}/" ]; then chown "${3:-0:0}" "$t" || return; fi
  fi
  fill "$t"
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

# fill FILE: with what is given. A shell's own printf needs no process, but cannot tell why it did not write: cat can.
fill() {
  given 2>/dev/null >"$1" || { given >in && cat in >"$1"; }
}

# settle_contents FILE...: to the disk, or why not.
settle_contents() {
  sync "$@" 2>/dev/null && return
  for f do
    dd if=/dev/null of="$f" conv=notrunc,fsync status=none || return
  done
}

# settle_later DIRECTORY: what was renamed into its place stands there after a power cut once its directory is on the disk:
# before anything else than a file is written, and before the program ends.
settle_later() {
  case $D in
    '') Q=0 ;;
    *) eval "[ \"x\$d$Q\" != \"x\$1\" ]" || return 0 ;;
  esac
  Q=$((Q + 1))
  eval "d$Q=\$1"
  D="$D \"\$d$Q\""
}

# settle_now [FILE...]: what was put off, and these.
settle_now() {
  [ -z "$D$1" ] || eval "settle $D \"\$@\""
  D=
}
