# Written by gpucarve, run by gpucarve-boot.service: what a boot has wiped and a claim says is ours stands again.
#
# Each claim's record may hold one line, "boot": "VERB WORD...". The verbs are asserted in the order below. Each looks
# first, acts only where something is missing, and looks again: a tool's exit status is no evidence. What fails is said
# on stderr and in the exit status, and does not keep the lines of other GPUs from their turn.
#
#     passthrough GPU FUNCTION...                     all of these functions are vfio-pci's
#     mig-mode GPU on|off
#     virtual-functions GPU
#     gpu-instance GPU PROFILE-ID START compute|bare  with the compute instance that fills it, or without
#     vgpu UUID FUNCTION                              as mdevctl has it defined
#
# The host's lock is held all the while, by children too, and the record tells every line, as for any program.

LC_ALL=C
export LC_ALL
umask 077
state=/var/lib/gpucarve
pci=/sys/bus/pci
sriov=/usr/lib/nvidia/sriov-manage
order='passthrough mig-mode virtual-functions gpu-instance vgpu'
number=0
failed=0

say() {
  printf 'gpucarve-boot: %s\n' "$*" >&2
}

# settle FILE: to the disk; an old sync takes no names.
settle() {
  sync "$1" 2>/dev/null || sync
}

# tool COMMAND...: run it, bounded; said is what it printed, in one short line.
tool() {
  said=$(umask 022 && exec timeout -k 5 180 "$@" 2>&1 </dev/null)
  status=$?
  said=$(printf '%s' "$said" | tr '\n' ' ' | head -c 400)
  return "$status"
}

# seen SECONDS CONDITION...: whether it comes true within the time, looked at once a second.
seen() {
  left=$1
  shift
  until "$@"; do
    [ "$left" -gt 0 ] || return 1
    left=$((left - 1))
    sleep 1
  done
}

# --- what sysfs shows

driver_of() {
  driver=$(readlink "$pci/devices/$1/driver") || driver=
  driver=${driver##*/}
}

bound() {
  driver_of "$1"
  [ "$driver" = "$2" ]
}

value() {
  value=
  [ ! -r "$1" ] || IFS= read -r value <"$1" || [ -n "$value" ]
}

functions_are_on() {
  value "$pci/devices/$1/sriov_numvfs"
  [ "${value:-0}" -gt 0 ] || return 1
  links=0
  for link in "$pci/devices/$1"/virtfn*; do
    [ ! -e "$link" ] || links=$((links + 1))
  done
  [ "$links" -ge "$value" ]
}

# --- passthrough

passthrough() {
  [ "$#" -ge 1 ] || return 2
  [ -d "$pci/drivers/vfio-pci" ] || tool modprobe vfio-pci || say "modprobe vfio-pci: $said"
  wrong=0
  for function do
    give "$function" || wrong=1
  done
  return "$wrong"
}

give() {
  [ -e "$pci/devices/$1" ] || { say "there is no $1"; return 1; }
  ! bound "$1" vfio-pci || return 0
  value "$pci/devices/$1/vendor"
  [ "$value" = 0x10de ] || { say "$1 is another vendor's now"; return 1; }
  printf 'vfio-pci' >"$pci/devices/$1/driver_override" || return 1
  idle "$1" || { say "NVIDIA's driver does not give $1 up: something has it open"; return 1; }
  [ -z "$driver" ] || printf '%s' "$1" >"$pci/devices/$1/driver/unbind" || return 1
  printf '%s' "$1" >"$pci/drivers_probe"
  seen 10 bound "$1" vfio-pci && return
  say "$1 is bound to ${driver:-no driver}, not to vfio-pci"
  return 1
}

# idle FUNCTION: NVIDIA's driver, where it has it, lets nobody open it any more. Unbinding what is open hangs for ever.
idle() {
  lock=/proc/driver/nvidia/gpus/$1/unbindLock
  [ "$driver" = nvidia ] && [ -e "$lock" ] || return 0
  seen 20 locked
}

locked() {
  printf 1 >"$lock"
  value "$lock"
  [ "$value" = 1 ]
}

# --- MIG mode

# mode_is current|pending GPU WORD: status 14 comes with a warning about the infoROM beside the answer.
mode_is() {
  tool nvidia-smi -i "$2" "--query-gpu=mig.mode.$1" --format=csv,noheader
  case "$status: $said " in
    0:*" $3 "* | 14:*" $3 "*) return 0 ;;
  esac
  return 1
}

mig_mode() {
  case $#:$2 in
    2:on) mode=Enabled switch=1 ;;
    2:off) mode=Disabled switch=0 ;;
    *) return 2 ;;
  esac
  ready "$1" || return
  for pause in 2 4 8 0; do
    ! mode_is current "$1" "$mode" || return 0
    tool nvidia-smi -i "$1" -mig "$switch" || say "nvidia-smi -i $1 -mig $switch: $said"
    ! mode_is current "$1" "$mode" || return 0
    if mode_is pending "$1" "$mode"; then
      tool nvidia-smi --gpu-reset -i "$1" || say "nvidia-smi --gpu-reset -i $1: $said"
      ! mode_is current "$1" "$mode" || return 0
    fi
    [ "$pause" = 0 ] || sleep "$pause"
  done
  ! mode_is current "$1" "$mode" || return 0
  say "the MIG mode of $1 is $said, not $mode"
  return 1
}

# ready GPU: NVIDIA's driver has it, which may take a moment after the boot.
ready() {
  [ -e "$pci/devices/$1" ] || { say "there is no $1"; return 1; }
  seen 60 bound "$1" nvidia && return
  say "$1 is bound to ${driver:-no driver}, not to nvidia"
  return 1
}

# --- virtual functions

virtual_functions() {
  [ "$#" -eq 1 ] || return 2
  ! functions_are_on "$1" || return 0
  ready "$1" || return
  for pause in 4 8 12 16 0; do
    tool "$sriov" -e "$1"
    wait=30
    [ "$status" = 0 ] || wait=1
    ! seen "$wait" functions_are_on "$1" || return 0
    say "$sriov -e $1 ended with $status: $said"
    case $status:$said in
      0:* | *'Cannot obtain unbindLock'*) ;;
      *) break ;;
    esac
    [ "$pause" = 0 ] || sleep "$pause"
  done
  say "$1 has no virtual functions"
  return 1
}

# --- GPU instances

# find_instance GPU PROFILE-ID START: instance is the id of the one that stands there, empty for none.
find_instance() {
  instance=
  table=$(timeout -k 5 180 nvidia-smi mig -i "$1" -lgi 2>&1 </dev/null)
  while read -r bar _ mig _ profile id place _; do
    case $bar:$mig:$profile:$place in
      "|:MIG:$2:$3:"*) instance=$id ;;
    esac
  done <<END
$table
END
  case $instance in *[!0-9]*) instance= ;; esac
  [ -n "$instance" ]
}

# find_compute GPU INSTANCE: whether it holds a compute instance.
find_compute() {
  table=$(timeout -k 5 180 nvidia-smi mig -i "$1" -gi "$2" -lci 2>&1 </dev/null)
  found=
  while read -r bar _ owner mig _; do
    case $bar:$owner:$mig in
      "|:$2:MIG") found=1 ;;
    esac
  done <<END
$table
END
  [ -n "$found" ]
}

gpu_instance() {
  case $#:$2:$3:$4 in
    4:*[!0-9]*:*:* | 4:*:*[!0-9]*:*) return 2 ;;
    4:*:*:compute | 4:*:*:bare) ;;
    *) return 2 ;;
  esac
  ready "$1" || return
  for pause in 2 4 0; do
    if ! find_instance "$1" "$2" "$3"; then
      tool nvidia-smi mig -i "$1" -cgi "$2:$3" || say "nvidia-smi mig -i $1 -cgi $2:$3: $said"
    fi
    if find_instance "$1" "$2" "$3"; then
      [ "$4" = compute ] || return 0
      ! find_compute "$1" "$instance" || return 0
      tool nvidia-smi mig -i "$1" -gi "$instance" -cci || say "nvidia-smi mig -i $1 -gi $instance -cci: $said"
      ! find_compute "$1" "$instance" || return 0
    fi
    [ "$pause" = 0 ] || sleep "$pause"
  done
  say "$1 has no whole instance of profile $2 at $3"
  return 1
}

# --- vGPUs

runs() {
  [ -e "$pci/devices/$2/$1" ]
}

vgpu() {
  [ "$#" -eq 2 ] || return 2
  ! runs "$1" "$2" || return 0
  [ -e "$pci/devices/$2" ] || { say "there is no $2"; return 1; }
  seen 30 test -d "$pci/devices/$2/mdev_supported_types" || { say "$2 offers no vGPU types"; return 1; }
  for pause in 1 2 0; do
    tool mdevctl start --uuid "$1" --parent "$2" || say "mdevctl start --uuid $1 --parent $2: $said"
    ! seen 2 runs "$1" "$2" || return 0
    [ "$pause" = 0 ] || sleep "$pause"
  done
  say "the vGPU $1 does not run on $2"
  return 1
}

# --- the lines

# each_line FUNCTION: call it with the words of every line; without words for one that no claim of ours would hold.
each_line() {
  while IFS= read -r line; do
    case $line in
      '') ;;
      *[!A-Za-z0-9:._+\ -]*) "$1" ;;
      *) "$1" $line ;;
    esac
  done <<END
$wanted
END
}

# check WORD...: count a line that is to be asserted; say the others.
check() {
  if [ "$#" -eq 0 ]; then
    say "damaged, and skipped: $(printf '%s' "$line" | tr -cd 'A-Za-z0-9:._+ -' | head -c 200)"
    failed=1
    return
  fi
  case " $order " in
    *" $1 "*) lines=$((lines + 1)) ;;
    *) say "unknown, and skipped: $line" ;;
  esac
}

# assert WORD...: carry out a line of the verb whose turn it is.
assert() {
  [ "$1" = "$turn" ] || return 0
  shift
  printf '%s begun\n' "$number" >>"$state/record"
  outcome='done'
  case $turn in
    passthrough) passthrough "$@" ;;
    mig-mode) mig_mode "$@" ;;
    virtual-functions) virtual_functions "$@" ;;
    gpu-instance) gpu_instance "$@" ;;
    vgpu) vgpu "$@" ;;
  esac || {
    outcome=failed
    failed=1
    say "failed: $line"
  }
  printf '%s %s\n' "$number" "$outcome" >>"$state/record"
  number=$((number + 1))
}

fence_of_lease() {
  fence=0
  value "$state/lease"
  case $value in fence=[0-9]*\ beat=*) fence=${value#fence=} fence=${fence%% *} ;; esac
  case $fence in *[!0-9]*) fence=0 ;; esac
}

main() {
  cd / && command -v flock >/dev/null || { say 'flock is missing'; exit 1; }
  exec 9>>"$state/lock" || exit 1
  seen 300 flock -n 9 || { say "another program has held $state/lock for 300 s"; exit 1; }
  wanted=$(sed -n 's/.*"boot": "\([^"]*\)".*/\1/p' "$state"/claims/*/record 2>/dev/null)
  lines=0
  each_line check
  fence_of_lease
  value /proc/sys/kernel/random/boot_id
  printf 'run=boot fence=%s boot=%s pid=%s writes=%s\n' "$fence" "$value" "$$" "$lines" >"$state/record.new" &&
    settle "$state/record.new" && mv -f "$state/record.new" "$state/record" && settle "$state" ||
    { say 'the record cannot be written'; exit 1; }
  for turn in $order; do
    each_line assert
  done
  printf 'end\n' >>"$state/record"
  settle "$state/record"
  exit "$failed"
}

main
