/* sim_fault: the table of faults that the simulator can do, and the draw of one for a request.  Pure. */
#ifndef TG_SIM_FAULT_H
#define TG_SIM_FAULT_H

#include "sim/sim.h"

/* False for a name that is not in the table; "none" is. */
bool sim_fault_parse(const char *name, enum sim_fault *f);

/* Draws by the probabilities of the configuration; request n of a seed always has the same luck. */
enum sim_fault sim_fault_draw(const struct sim_config *c, uint64_t n);

#endif
