# What every program is made of. One function a paragraph; a program carries only the functions it uses.
# Variables set at the start: N the nonce, T the scratch directory (also the working directory), S the state directory.
# "PART" is the beginning of a scratch file's name: a reply's parts are PARTa, PARTb ... A name that goes on with a dot
# and a number (r000b.65536) is sent up to that many bytes.

# send LABEL FILE...: one frame: "NONCE LABEL : LENGTH..." and the files' bytes; a "+" marks a length that was cut.
send() {
  h="$N $1 :"
  shift
  n=
  for x in $(wc -c "$@"); do
    case $n:$x in
      :*) n=$x; continue ;;
      *:*.*)
        if [ "$n" -gt "${x##*.}" ]; then
          n=${x##*.}+
          head -c "${x##*.}" "$x" >cut && mv -f cut "$x"
        fi
        h="$h $n" ;;
      *:total) ;;
      *) h="$h $n" ;;
    esac
    n=
  done
  printf '%s\n' "$h"
  cat "$@"
}

# say LABEL: a frame without a payload.
say() {
  printf '%s %s :\n' "$N" "$1"
}

# quit: the last frame, with whatever was written to the program's own stderr, then the end of the scratch directory.
quit() {
  if [ -s err ]; then send end err; else say end; fi
  cd / && rm -rf "$T"
  exit 0
}

# refuse KIND [FILE]: the program does not begin.
refuse() {
  if [ -n "$2" ]; then send "refused $1" "$2"; else say "refused $1"; fi
  true >err
  quit
}

# needs COMMAND...: refuse a host that lacks one, or whose printf is no builtin (contents would show in its argv).
needs() {
  true >x
  for f do
    command -v "$f" >/dev/null 2>&1 || printf '%s\n' "$f" >>x
  done
  [ "$(command -v printf)" = printf ] || printf '%s\n' 'a printf of the shell itself' >>x
  [ ! -s x ] || refuse lacks x
}

# clock: sets now, in hundredths of a second.
clock() {
  read -r now x </proc/uptime
  now=$((${now%.*} * 100 + 1${now#*.} - 100))
}

# located COMMAND: whether exec would find it; else k says why not.
located() {
  k=absent
  case $1 in
    */*)
      [ ! -e "$1" ] || k=refused
      if [ -f "$1" ] && [ -x "$1" ]; then return 0; fi ;;
    *)
      IFS=:
      for x in $PATH; do
        if [ -f "$x/$1" ]; then
          k=refused
          if [ -x "$x/$1" ]; then unset IFS; return 0; fi
        fi
      done
      unset IFS ;;
  esac
  return 1
}

# child STDIN STDOUT STDERR DEADLINE COMMAND...: run it; k is exited (s is its status), late, absent or refused.
# What it makes gets the modes that it means to give: our own umask is not for it.
# The shell's own word about a killed child goes nowhere: the status says it.
child() {
  i=$1 o=$2 e=$3 d=$4 s=0
  shift 4
  located "$1" || return 0
  clock
  b=$now k=exited
  { (umask 022 && cd / && exec timeout -k 2 "$d" "$@") <"$i" >"$o" 2>"$e" || s=$?; } 2>/dev/null
  case $s in
    124 | 137 | 143)
      clock
      [ "$((now - b))" -lt "$((d * 100))" ] || k=late ;;
  esac
}
