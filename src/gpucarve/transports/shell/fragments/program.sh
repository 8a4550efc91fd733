# What a program holds to before and after its writes: lock, lease, fence, record.

# lock HUNDREDTHS: take the lock on descriptor 9, which children inherit: a killed shell's child keeps it.
lock() {
  clock
  d=$((now + $1))
  until flock -n 9; do
    clock
    if [ "$now" -ge "$d" ]; then
      lockers >x
      refuse locked x
    fi
    sleep 0.1 2>/dev/null || sleep 1
  done
}

# lockers: the record's head, the lease, then process, state and name of everyone who has the lock.
lockers() {
  for n in record lease; do
    x=
    [ ! -e "$S/$n" ] || IFS= read -r x <"$S/$n"
    printf '%s\n' "$x"
  done
  for f in /proc/[0-9]*; do
    if [ "$f" != "/proc/$$" ] && [ "$f/fd/9" -ef "$S/lock" ]; then
      { locker <"$f/fdinfo/9"; } 2>/dev/null
    fi
  done
}

# locker: fdinfo on stdin; a process that only waits for the lock has the file open without a lock line.
locker() {
  while read -r x _; do
    [ "$x" = lock: ] || continue
    read -r x <"$f/stat"
    x=${x##*) }
    read -r n <"$f/comm"
    printf '%s %s %s\n' "${f#/proc/}" "${x%% *}" "$n"
    return
  done
}

# open_state: make the state directory, unless another program just did, and open the lock.
open_state() {
  [ -d "$S" ] || mkdir -m 700 "$S" 2>x || [ -d "$S" ] || refuse unfit x
  (true >>"$S/lock") || refuse unfit err
  exec 9>>"$S/lock"
}

# read_lease: sets F fence, B beat, L seconds, H holder.
read_lease() {
  F=0 B=0 L=0 H= x=
  [ ! -e "$S/lease" ] || IFS= read -r x <"$S/lease"
  [ -n "$x" ] || return 0
  case $x in
    fence=[0-9]*\ beat=[0-9]*\ seconds=[0-9]*\ holder=*\ run=*) ;;
    *) cat "$S/lease" >x; refuse lease x ;;
  esac
  F=${x#fence=}
  F=${F%% *}
  B=${x#*beat=}
  B=${B%% *}
  L=${x#*seconds=}
  L=${L%% *}
  H=${x#*holder=}
  H=${H%% *}
  case $F.$B.$L in
    *[!0-9.]* | 0[0-9]* | *.0[0-9]* | *[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]*) cat "$S/lease" >x; refuse lease x ;;
  esac
}

# lease_aside SECONDS HOLDER RUN: what the lease is to be.
lease_aside() {
  printf 'fence=%s beat=%s seconds=%s holder=%s run=%s\n' "$F" "$B" "$1" "$2" "$3" >"$S/lease.new"
}

# finish: the record's end, with everything before it on the disk.
finish() {
  settle_now "$@"
  printf 'end\n' >>"$S/record"
}

# finish_free: the same, and nobody has the lease any more; the fence stays.
finish_free() {
  if lease_aside 0 '' ''; then
    finish "$S/lease.new"
    mv -f "$S/lease.new" "$S/lease"
  else
    finish
  fi
}

# tell_lease LABEL: a frame with the lease as it stands now.
tell_lease() {
  IFS= read -r x <"$S/lease"
  printf '%s %s : %s\n%s\n' "$N" "$1" "$((${#x} + 1))" "$x"
}

# enter SECONDS HOLDER RUN WRITES: the lease's new beat and a fresh record, on the disk before the first write.
enter() {
  B=$((B + 1))
  read -r x </proc/sys/kernel/random/boot_id
  printf 'run=%s fence=%s boot=%s pid=%s writes=%s\n' "$3" "$F" "$x" "$$" "$4" >"$S/record.new" &&
    lease_aside "$1" "$2" "$3" && settle "$S/record.new" "$S/lease.new" &&
    mv -f "$S/lease.new" "$S/lease" && mv -f "$S/record.new" "$S/record" && settle "$S" ||
    refuse unfit err
  tell_lease begun
}
