#!/bin/bash
# One analysis on the processors of a Slurm allocation:
#     sbatch examples/cluster/slurm.sh run/run.toml results
# Run, results and this folder lie on a file system that all nodes share. Nothing here but Slurm's and Dask's own commands.
#SBATCH --job-name=electrosaxs
#SBATCH --ntasks=16
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=3G
#SBATCH --time=01:00:00

rm -f scheduler.json
srun --ntasks=1 --overlap dask scheduler --port 0 --scheduler-file scheduler.json --no-dashboard &
srun --overlap dask worker --scheduler-file scheduler.json --nthreads 1 --memory-limit 3GiB --no-dashboard --local-directory "${TMPDIR:-/tmp}" &
electrosaxs analyse "${1:-run/run.toml}" --out "${2:-results}" --scheduler scheduler.json
ended=$?
kill $(jobs -p)
wait
exit $ended
