/* layout: which panel stands where.  A pure function of the size: panels never overlap, are never cut, and
 * the ones that matter less make room first. */
#ifndef TG_UI_LAYOUT_H
#define TG_UI_LAYOUT_H

#include "ui/canvas.h"

#define LAYOUT_MIN_W 60
#define LAYOUT_MIN_H 16

enum area {
    AREA_HEADER, /* one line */
    AREA_STATUS, /* one line; absent on low screens, where the header takes over what is urgent */
    AREA_BODY,   /* all between: the view's own */
    AREA_FOOTER, /* one line */
    AREA_FRAME_COUNT
};

enum panel {
    PANEL_OUTPUT,
    PANEL_TTFT,
    PANEL_STREAMS,
    PANEL_MEMORY,
    PANEL_SERVER, /* absent where the memory panel must carry its numbers */
    PANEL_COUNT
};

enum memory_panel {
    MEMORY_RAM,
    MEMORY_POOLS,
    MEMORY_GPU, /* absent where the pools must carry its numbers */
    MEMORY_PROCS,
    MEMORY_COUNT
};

enum server_panel {
    SERVER_FACTS,
    SERVER_COUNTERS,
    SERVER_COUNT
};

enum latency_panel {
    LATENCY_TABLE,
    LATENCY_TTFT,
    LATENCY_E2E,  /* the others make room on small screens */
    LATENCY_ITL,
    LATENCY_TPOT,
    LATENCY_HEAT,
    LATENCY_COUNT
};

enum matrix_panel {
    MATRIX_GRID,
    MATRIX_CURVE, /* absent on low screens */
    MATRIX_COUNT
};

/* False where the size is below the least; nothing is then set. */
bool layout_frame(int w, int h, struct rect at[AREA_FRAME_COUNT]);
/* The Overview's panels in the body; a panel that is absent has w == 0. */
void layout_overview(struct rect body, struct rect at[PANEL_COUNT]);
/* The Server view's. */
void layout_server(struct rect body, struct rect at[SERVER_COUNT]);
/* The Latency view's. */
void layout_latency(struct rect body, struct rect at[LATENCY_COUNT]);
/* The Matrix view's. */
void layout_matrix(struct rect body, struct rect at[MATRIX_COUNT]);
/* The Memory view's. */
void layout_memory(struct rect body, struct rect at[MEMORY_COUNT]);

#endif
