#!/bin/sh
# What is measured on a GPU.
#
#   benchmarks/gpu.sh speed    at most four minutes: images a second at batches of 64, 256, 512 and
#                              1,024, as a CUDA graph, operation by operation and by a bare loop;
#                              compiled; decoding
#   benchmarks/gpu.sh table    CIFAR-10N at full size: 50,000 images, both kinds of labels, 7 and 20
#                              epochs, three seeds. What is finished is kept in $FOLDER: typed again,
#                              it goes on; with SECONDS_LEFT it stops after so many seconds.
#
# DRY=1 runs the same commands at a hundredth of the size, on a CPU, to see that they work.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python}
FOLDER=${FOLDER:-gpu-table}
DEVICE=${DEVICE:-cuda}
export PYTHONPATH="${PYTHONPATH:-src}"
if [ -z "${REASSESS_DATA:-}" ]; then
    echo "REASSESS_DATA must name the folder with the published data (cifar10/)." >&2
    exit 2
fi

if [ -n "${DRY:-}" ]; then
    export OMP_NUM_THREADS=1
fi

# Whatever takes too long is cut off, and the next one begins.
within() {
    seconds=$1
    shift
    timeout "$seconds" "$@" || echo "ended with status $? (124: after $seconds s): $*"
}

speed() {
    large=resnet-18 small=resnet-20 batches="64 256 512 1024" one=256
    how="--precision bfloat16 --images 40960 --rounds 3" files="--images 10000 --photos 200"
    compile=--compile
    if [ -n "${DRY:-}" ]; then
        large=resnet-8 small=resnet-8 batches="16 32" one=32
        how="--images 64 --rounds 1" files="--images 200 --photos 4" compile=
        DEVICE=cpu
    fi
    training="$PYTHON benchmarks/training.py --device $DEVICE $how"
    # shellcheck disable=SC2086 -- the words of these variables are arguments
    within 100 $training --model $large --batch $batches
    # shellcheck disable=SC2086
    within 40 $training --model $small --batch $one
    # shellcheck disable=SC2086
    within 60 $training --model $large --batch $one $compile
    # shellcheck disable=SC2086
    within 40 "$PYTHON" benchmarks/decoding.py $files --rounds 2
}

table() {
    size="--images 50000 --short 7 --long 20 --seeds 3 --folds 5"
    how="--model resnet-18 --device $DEVICE --precision bfloat16 --batch-size 256"
    if [ -n "${DRY:-}" ]; then
        size="--images 100 --test-images 100 --short 1 --long 1 --seeds 1 --folds 2"
        how="--model resnet-8 --device cpu --precision bfloat16 --batch-size 32"
    fi
    # shellcheck disable=SC2086
    timeout -s INT "${SECONDS_LEFT:-0}" "$PYTHON" benchmarks/cifar10n_recipes.py "$FOLDER" \
        $size $how --page "$FOLDER/page.md"
}

case "${1:-}" in
speed | table) "$1" ;;
*)
    echo "usage: benchmarks/gpu.sh speed|table" >&2
    exit 2
    ;;
esac
