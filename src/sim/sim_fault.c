#include "sim/sim_fault.h"

#include <string.h>

static const struct fault_row {
    const char *name;
    enum sim_fault_phase phase;
} rows[SIM_FAULT_COUNT] = {
    [SIM_FAULT_NONE] = {NULL, SIM_FAULT_NEVER},
    [SIM_FAULT_429] = {"429", SIM_FAULT_AT_ONCE},
    [SIM_FAULT_500] = {"500", SIM_FAULT_AT_ONCE},
    [SIM_FAULT_STALL] = {"stall", SIM_FAULT_MIDSTREAM},
    [SIM_FAULT_RESET] = {"reset", SIM_FAULT_MIDSTREAM},
    [SIM_FAULT_TRUNCATED] = {"truncated", SIM_FAULT_MIDSTREAM},
    [SIM_FAULT_ERROR_EVENT] = {"error-event", SIM_FAULT_MIDSTREAM},
    [SIM_FAULT_MALFORMED] = {"malformed", SIM_FAULT_MIDSTREAM},
};

const char *sim_fault_name(enum sim_fault f)
{
    return (unsigned)f < SIM_FAULT_COUNT ? rows[f].name : NULL;
}

enum sim_fault_phase sim_fault_phase(enum sim_fault f)
{
    return rows[f].phase;
}

bool sim_fault_parse(const char *name, enum sim_fault *f)
{
    if (strcmp(name, "none") == 0) {
        *f = SIM_FAULT_NONE;
        return true;
    }
    for (int i = SIM_FAULT_NONE + 1; i < SIM_FAULT_COUNT; i++) {
        if (strcmp(name, rows[i].name) == 0) {
            *f = (enum sim_fault)i;
            return true;
        }
    }
    return false;
}

enum sim_fault sim_fault_draw(const struct sim_config *c, uint64_t n)
{
    uint64_t state = c->seed ^ (n * UINT64_C(0xd1342543de82ef95));
    rng_next(&state);
    double r = rng_unit(&state);
    for (int i = SIM_FAULT_NONE + 1; i < SIM_FAULT_COUNT; i++) {
        if (r < c->fault[i])
            return (enum sim_fault)i;
        r -= c->fault[i];
    }
    return SIM_FAULT_NONE;
}
