#include "report/figures.h"

const struct figure figures[FIGURES_N] = {
    {"output_tok_s", "output rate", M_OUTPUT_RATE, 0}, {"ttft_mean", "TTFT mean", M_TTFT, 0},
    {"ttft_p50", "TTFT p50", M_TTFT, 0.5},             {"ttft_p95", "TTFT p95", M_TTFT, 0.95},
    {"tpot_mean", "TPOT mean", M_TPOT, 0},             {"tpot_p95", "TPOT p95", M_TPOT, 0.95},
    {"decode_rate_mean", "decode rate mean", M_DECODE_RATE, 0},
    {"e2e_mean", "e2e mean", M_E2E, 0},                {"e2e_p95", "e2e p95", M_E2E, 0.95},
};
