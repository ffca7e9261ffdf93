#include "ui/layout.h"

#include "util.h"

#include <string.h>

#define STATUS_FROM_H 20
#define TOP_LEAST 7
#define TOP_MOST 26
#define SERVER_LEAST 6 /* box and four lines */
#define SERVER_MOST 11
#define MEMORY_LEAST 5

bool layout_frame(int w, int h, struct rect at[AREA_FRAME_COUNT])
{
    if (w < LAYOUT_MIN_W || h < LAYOUT_MIN_H)
        return false;
    int status = h >= STATUS_FROM_H ? 1 : 0;
    at[AREA_HEADER] = (struct rect){0, 0, w, 1};
    at[AREA_STATUS] = status ? (struct rect){0, 1, w, 1} : (struct rect){0, 0, 0, 0};
    at[AREA_BODY] = (struct rect){0, 1 + status, w, h - 2 - status};
    at[AREA_FOOTER] = (struct rect){0, h - 1, w, 1};
    return true;
}

void layout_overview(struct rect body, struct rect at[PANEL_COUNT])
{
    memset(at, 0, sizeof *at * PANEL_COUNT);
    int left = body.w >= 160 ? body.w * 56 / 100 : body.w * 52 / 100, right = body.w - left;
    int top = MIN_OF(MAX_OF(body.h * 47 / 100, TOP_LEAST), TOP_MOST), bottom = body.h - top;
    int rx = body.x + left, by = body.y + top;
    at[PANEL_OUTPUT] = (struct rect){body.x, body.y, left, top};
    at[PANEL_TTFT] = (struct rect){rx, body.y, right, top};
    at[PANEL_STREAMS] = (struct rect){body.x, by, left, bottom};
    at[PANEL_MEMORY] = (struct rect){rx, by, right, bottom};
    if (bottom < MEMORY_LEAST + SERVER_LEAST)
        return;
    int server = MIN_OF(MAX_OF(bottom * 4 / 10, SERVER_LEAST), SERVER_MOST);
    at[PANEL_MEMORY].h = bottom - server;
    at[PANEL_SERVER] = (struct rect){rx, by + bottom - server, right, server};
}

void layout_memory(struct rect b, struct rect at[MEMORY_COUNT])
{
    int ram = b.h >= 30 ? 6 : b.h >= 18 ? 5 : 4;
    int procs = MIN_OF(MAX_OF((b.h - ram) / 3, 5), 14), middle = b.h - ram - procs;
    at[MEMORY_RAM] = (struct rect){b.x, b.y, b.w, ram};
    at[MEMORY_POOLS] = (struct rect){b.x, b.y + ram, b.w, middle};
    at[MEMORY_GPU] = (struct rect){0, 0, 0, 0};
    at[MEMORY_PROCS] = (struct rect){b.x, b.y + b.h - procs, b.w, procs};
    if (b.w >= 80 && middle >= 7) {
        int w = MIN_OF(MAX_OF(b.w * 2 / 5, 34), 64);
        at[MEMORY_GPU] = (struct rect){b.x + b.w - w, b.y + ram, w, middle};
        at[MEMORY_POOLS].w = b.w - w;
    } else if (middle >= 16) {
        at[MEMORY_GPU] = (struct rect){b.x, b.y + ram + middle - 9, b.w, 9};
        at[MEMORY_POOLS].h = middle - 9;
    }
}

#define HIST_LEAST_W 38
#define HIST_LEAST_H 7
#define TABLE_W 66

/* Histograms next to each other, in one row or two; as many as have room. */
static void place_hists(struct rect r, struct rect at[LATENCY_COUNT])
{
    static const enum latency_panel order[] = {LATENCY_TTFT, LATENCY_E2E, LATENCY_ITL, LATENCY_TPOT};
    int across = MIN_OF(r.w / HIST_LEAST_W, 4), rows = 1;
    if (across == 3)
        across = 2;
    if (across < 4 && r.h >= 2 * HIST_LEAST_H)
        rows = 2;
    for (int row = 0; row < rows; row++)
        for (int i = 0; i < across; i++) {
            int x = r.w * i / across, y = r.h * row / rows;
            at[order[row * across + i]] = (struct rect){r.x + x, r.y + y, r.w * (i + 1) / across - x, r.h * (row + 1) / rows - y};
        }
}

void layout_latency(struct rect b, struct rect at[LATENCY_COUNT])
{
    memset(at, 0, sizeof *at * LATENCY_COUNT);
    int bottom = b.h < 18 ? 7 : MIN_OF(MAX_OF(b.h * 2 / 5, 10), 18), top = b.h - bottom;
    bool beside = b.w >= TABLE_W + 40, below = !beside && b.h >= 36;
    int table = below ? 10 : bottom;
    at[LATENCY_TABLE] = (struct rect){b.x, b.y + b.h - table, beside ? TABLE_W : b.w, table};
    if (beside)
        at[LATENCY_HEAT] = (struct rect){b.x + TABLE_W, b.y + top, b.w - TABLE_W, bottom};
    if (below) {
        int heat = MIN_OF(b.h / 3, 14);
        top = b.h - table - heat;
        at[LATENCY_HEAT] = (struct rect){b.x, b.y + top, b.w, heat};
    }
    place_hists((struct rect){b.x, b.y, b.w, top}, at);
}

void layout_server(struct rect b, struct rect at[SERVER_COUNT])
{
    if (b.w >= 100) {
        int w = b.w * 45 / 100;
        at[SERVER_FACTS] = (struct rect){b.x, b.y, w, b.h};
        at[SERVER_COUNTERS] = (struct rect){b.x + w, b.y, b.w - w, b.h};
        return;
    }
    int facts = MIN_OF(MAX_OF(b.h / 2, 7), 13);
    at[SERVER_FACTS] = (struct rect){b.x, b.y, b.w, facts};
    at[SERVER_COUNTERS] = (struct rect){b.x, b.y + facts, b.w, b.h - facts};
}

void layout_matrix(struct rect b, struct rect at[MATRIX_COUNT])
{
    at[MATRIX_GRID] = b;
    at[MATRIX_CURVE] = (struct rect){0, 0, 0, 0};
    if (b.w >= 130) {
        int w = b.w * 45 / 100;
        at[MATRIX_GRID].w = b.w - w;
        at[MATRIX_CURVE] = (struct rect){b.x + b.w - w, b.y, w, b.h};
    } else if (b.h >= 20) {
        int h = b.h * 45 / 100;
        at[MATRIX_GRID].h = b.h - h;
        at[MATRIX_CURVE] = (struct rect){b.x, b.y + b.h - h, b.w, h};
    }
}
