#!/usr/bin/env bash
# Start Ray on every node of a Slurm allocation, run a command on it, and stop it again:
#
#   sbatch --nodes=4 --gpus-per-node=8 --time=24:00:00 --signal=B:INT@120 \
#     ci/slurm/ray.sh make reproduce-fig12 PROFILE=paper
#
# The command finds the cluster by RAY_ADDRESS, and EXECUTOR=ray makes `make` use it; for
# `deepreshape run` say `--executor ray`. Ctrl-C, or the signal that Slurm sends before the time is
# over, ends the command as Ctrl-C does at home: the same line, submitted again, goes on.
#
# RAY_PORT    of the head [20000 and the last digits of the job's number]
# RAY_WAIT    seconds in which all nodes have to be there [300]
# RAY         the program [ray]
#SBATCH --job-name=deepreshape
#SBATCH --ntasks-per-node=1
set -eu -o pipefail

fail() { echo "ray.sh: $1" >&2; exit 2; }

[[ $# -gt 0 ]] || fail "name the command to run, such as make reproduce-fig12 PROFILE=paper"
[[ -n ${SLURM_JOB_ID:-} && -n ${SLURM_JOB_NODELIST:-} ]] \
  || fail "this is no allocation of Slurm: start it by sbatch, or inside salloc"
RAY=${RAY:-ray}
command -v "$RAY" >/dev/null || fail "$RAY is not installed: pip install 'deepreshape[ray]'"

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
# Below the ports that systems hand out, and above those of Ray's workers.
port=${RAY_PORT:-$((20000 + SLURM_JOB_ID % 10000))}
# A node may have several addresses: the first is the one that its name stands for among the others.
ip=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname -I | awk '{ print $1 }')
[[ $ip =~ ^[0-9a-f.:]+$ ]] || fail "$head has no address"
export RAY_ADDRESS=$ip:$port EXECUTOR=ray RAY_USAGE_STATS_ENABLED=0

# Who may talk to Ray runs programs as this user: a token of this job, which srun passes on, keeps
# others of the cluster out.
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN

# Slurm knows what of a node is the job's; without a word, Ray would take all of it.
has=()
[[ -z ${SLURM_CPUS_ON_NODE:-} ]] || has+=(--num-cpus="$SLURM_CPUS_ON_NODE")
[[ -z ${SLURM_GPUS_ON_NODE:-} ]] || has+=(--num-gpus="$SLURM_GPUS_ON_NODE")

# In the background, each step with its node's Ray in the foreground: it ends with the step.
steps=()
# shellcheck disable=SC2329 # by the trap
stop() {
  trap - EXIT
  ((${#steps[@]} == 0)) || kill "${steps[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
}
trap stop EXIT

start() { # NODES OPTIONS...: one task on each of so many nodes
  local count=$1
  shift
  srun --nodes="$count" --ntasks="$count" --ntasks-per-node=1 --overlap "$@" &
  steps+=($!)
}
start 1 --nodelist="$head" "$RAY" start --block --head --disable-usage-stats \
  --include-dashboard=false --node-ip-address="$ip" --port="$port" "${has[@]}"

there() { "$RAY" status --address="$RAY_ADDRESS" 2>/dev/null | grep -c '^ *[0-9]* node_' || true; }
await() { # COUNT: until so many nodes are there
  local last=$((SECONDS + ${RAY_WAIT:-300}))
  until [[ $(there) -ge $1 ]]; do
    for step in "${steps[@]}"; do
      kill -0 "$step" 2>/dev/null || fail "Ray ended on a node; see the lines above"
    done
    ((SECONDS < last)) || fail "$(there) of ${#nodes[@]} nodes are there after ${RAY_WAIT:-300} s"
    sleep 1
  done
}
await 1
if ((${#nodes[@]} > 1)); then
  start $((${#nodes[@]} - 1)) --exclude="$head" "$RAY" start --block --disable-usage-stats \
    --address="$RAY_ADDRESS" "${has[@]}"
  await "${#nodes[@]}"
fi
echo "ray.sh: ${#nodes[@]} nodes at $RAY_ADDRESS" >&2

# The command is told of a signal (a shell makes its background deaf to INT), and says with which
# status it ends.
"$@" &
command=$!
trap 'kill -TERM "$command" 2>/dev/null || true' INT TERM
status=0
wait "$command" || status=$?
while kill -0 "$command" 2>/dev/null; do # a signal ended the waiting, not the command
  status=0
  wait "$command" || status=$?
done
exit "$status"
