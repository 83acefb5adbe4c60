// Which of the compiled copies of ggml-cpu both engines run on: see cpu-variants.cmake.

#include "ggml-backend.h"

#include <stdlib.h>
#include <string.h>

// Bits of the answers below, as in src/platform/cpu.rs.
#define HARK_CPU_BASE 1
#define HARK_CPU_AVX512 2

ggml_backend_reg_t ggml_backend_cpu_reg(void);
ggml_backend_reg_t hark_cpu_reg_base(void);
int hark_cpu_compiled(void);
int hark_cpu_chosen(void);

#ifdef HARK_AVX512
ggml_backend_reg_t hark_cpu_reg_avx512(void);

// The compiler's own check counts AVX-512 only where the system saves its registers.
static int avx512_is_there(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512vnni");
}

static int choose(void) {
    const char * wish = getenv("HARK_ISA"); // avx2: what a processor without AVX-512 would do, to compare the two
    if (wish != NULL && strcmp(wish, "avx2") == 0) {
        return HARK_CPU_BASE;
    }
    return avx512_is_there() ? HARK_CPU_AVX512 : HARK_CPU_BASE;
}
#endif

// All copies that this program holds, as bits.
int hark_cpu_compiled(void) {
#ifdef HARK_AVX512
    return HARK_CPU_BASE | HARK_CPU_AVX512;
#else
    return HARK_CPU_BASE;
#endif
}

// The copy that is used, as a bit. Decided once: a copy knows only the buffers that it made itself.
int hark_cpu_chosen(void) {
#ifdef HARK_AVX512
    static int chosen = 0;
    int now = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
    if (now == 0) {
        int mine = choose();
        // Of several threads that decide at once the first one's answer holds for all.
        if (__atomic_compare_exchange_n(&chosen, &now, mine, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            now = mine;
        }
    }
    return now;
#else
    return HARK_CPU_BASE;
#endif
}

// ggml's registry asks for this; it is all that anything outside of ggml-cpu calls.
ggml_backend_reg_t ggml_backend_cpu_reg(void) {
#ifdef HARK_AVX512
    if (hark_cpu_chosen() == HARK_CPU_AVX512) {
        return hark_cpu_reg_avx512();
    }
#endif
    return hark_cpu_reg_base();
}
