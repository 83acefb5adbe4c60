#!/bin/sh
# The whole way from sentences to a tested model file, with fixed seeds. README.md says what must be installed.
#   PY    python with torch, numpy, scipy        W, O  folders for the corpus and for the results
#   MIN   minutes of training                    BIN   folder with whisper-quantize and whisper-cli (else PATH)
#   RESUME=work/model.pt  continues an earlier run
# On a GPU: DEV=cuda MIN=10 BATCH=40000 D=384 sh training/run_all.sh
set -e
T=$(dirname "$0"); W=${W:-$T/work}; O=${O:-$T/out}; PY=${PY:-python3}
N=${N:-6500}; MIN=${MIN:-40}; DEV=${DEV:-cpu}; BATCH=${BATCH:-2000}; D=${D:-192}; ENC=${ENC:-4}; DEC=${DEC:-3}
# The allocator makes training on a CPU twice as fast; it is used where it is installed (libtcmalloc-minimal4).
MALLOC_LIB=${MALLOC_LIB-/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4}; [ -e "$MALLOC_LIB" ] || MALLOC_LIB=
mkdir -p "$W/corpus" "$O/questions"
"$PY" "$T/sentences.py" "$W/sentences.jsonl" --n "$N"
"$PY" "$T/synth.py" "$W/sentences.jsonl" "$W/corpus" --scale "${SCALE:-1.0}" --jobs "$(nproc)"
OMP_NUM_THREADS=1 "$PY" "$T/features.py" "$W/corpus" "$W/feats" --variants "${VARIANTS:-3}" --jobs "$(nproc)"
"$PY" "$T/make_extra_tests.py" "$W/corpus" "$O/questions"
OMP_NUM_THREADS=2 OMP_WAIT_POLICY=PASSIVE LD_PRELOAD=$MALLOC_LIB \
  "$PY" "$T/train.py" "$W/corpus" "$W/feats" "$W/model.pt" --minutes "$MIN" --device "$DEV" --batch-ctx "$BATCH" \
  --d "$D" --enc "$ENC" --dec "$DEC" ${RESUME:+--resume "$RESUME"}
"$PY" "$T/export_ggml.py" "$W/model.pt" "$O/ggml-starter-en-f16.bin"
for q in q8_0 q5_1; do "${BIN:+$BIN/}whisper-quantize" "$O/ggml-starter-en-f16.bin" "$O/ggml-starter-en-$q.bin" "$q"; done
for m in f16 q8_0 q5_1; do
  for ac in auto 0; do
    echo "== $m ac=$ac"
    "$PY" "$T/eval_cli.py" "$O/ggml-starter-en-$m.bin" "$W/corpus" --ac "$ac" --cli "${BIN:+$BIN/}whisper-cli"
  done
done
