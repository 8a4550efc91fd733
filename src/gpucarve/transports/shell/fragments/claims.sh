# Claims: what is ours, and what stood there before it. See `gpucarve.calls.state`.

# claim KEY PATH...: the record is given. Everything is built aside and synced, then named.
claim() {
  c=$S/claims
  [ ! -d "$c/$1" ] || return 0
  a=$c/.new
  if build_claim "$@"; then
    mv "$a" "$c/$1" && settle "$c" "$S"
  else
    rm -rf "$a"
    return 1
  fi
}

build_claim() {
  shift
  [ ! -e "$a" ] || rm -rf "$a" || return
  n=0 x='"$a" "$a/kept"'
  [ -d "$c" ] || x="\"\$c\" $x"
  for f do
    x="$x \"\$a/kept/$n\""
    n=$((n + 1))
  done
  eval "mkdir $x" && fill "$a/record" || return
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

# note FILE TEXT: a small file of ours.
note() {
  printf '%s' "$2" 2>/dev/null >"$1" || { printf '%s' "$2" >x && cat x >"$1"; }
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
        given() { cat "$c/content"; }
        put "$2" "$m" "$u:$g" ;;
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
