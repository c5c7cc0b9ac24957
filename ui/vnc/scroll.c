#include "ui/vnc/scroll.h"

#include <glib.h>

#define MIN_SIZE 64   /* rows and columns; smaller boxes are not worth a look */
#define SAMPLES  96   /* pixels of a row that are looked at */
#define SLOTS    4096 /* a power of two */

/* Rows of the picture before, by what they look like; only such as are there once. */
struct slot {
    uint32_t print;
    int row;
    bool used, again;
};

static uint32_t fingerprint(struct vnc_rows rows, int y, const pixman_box32_t *box)
{
    const uint32_t *row = rows.pixels + (size_t)y * rows.stride;
    int step = MAX(1, (box->x2 - box->x1) / SAMPLES) | 1; /* odd: not always the same of a glyph */
    uint32_t print = 0;

    for (int x = box->x1; x < box->x2; x += step)
        print = (print ^ (row[x] & 0xFFFFFF)) * 0x9E3779B1u + 1;
    return print ^ print >> 15;
}

static void fill_slots(struct slot *slots, struct vnc_rows before, const pixman_box32_t *box)
{
    for (int y = box->y1; y < box->y2; y++) {
        uint32_t print = fingerprint(before, y, box);
        struct slot *slot = &slots[print % SLOTS];

        if (!slot->used)
            *slot = (struct slot){ print, y, true, false };
        else if (slot->print == print)
            slot->again = true;
    }
}

/* votes[dy + height] counts the rows that moved by dy; moved[] keeps each row's vote. */
static void vote(const struct slot *slots, struct vnc_rows now, const pixman_box32_t *box,
                 unsigned *votes, int *moved)
{
    int height = box->y2 - box->y1;

    for (int y = box->y1; y < box->y2; y++) {
        uint32_t print = fingerprint(now, y, box);
        const struct slot *slot = &slots[print % SLOTS];

        if (!slot->used || slot->again || slot->print != print)
            continue;
        moved[y - box->y1] = slot->row - y;
        votes[slot->row - y + height]++;
    }
}

static int most_votes(const unsigned *votes, int height)
{
    int best = 0;

    for (int dy = -height; dy <= height; dy++) {
        if (votes[dy + height] > votes[best + height])
            best = dy;
    }
    return best;
}

/* The rows from the first to the last that moved by dy. */
static void bound_moved(const int *moved, int dy, const pixman_box32_t *box, pixman_box32_t *to)
{
    *to = (pixman_box32_t){ box->x1, box->y2, box->x2, box->y1 };
    for (int i = 0; i < box->y2 - box->y1; i++) {
        if (moved[i] != dy)
            continue;
        to->y1 = MIN(to->y1, box->y1 + i);
        to->y2 = box->y1 + i + 1;
    }
}

bool vnc_find_scroll(struct vnc_rows before, struct vnc_rows now, const pixman_box32_t *box,
                     pixman_box32_t *to, int *dy)
{
    int height = box->y2 - box->y1;

    if (height < MIN_SIZE || box->x2 - box->x1 < MIN_SIZE)
        return false;
    struct slot *slots = g_new0(struct slot, SLOTS);
    unsigned *votes = g_new0(unsigned, (size_t)height * 2 + 1);
    int *moved = g_new0(int, (size_t)height);
    fill_slots(slots, before, box);
    vote(slots, now, box, votes, moved);
    *dy = most_votes(votes, height);
    bool found = *dy != 0 && votes[*dy + height] >= (unsigned)height / 4;
    if (found)
        bound_moved(moved, *dy, box, to);
    g_free(slots);
    g_free(votes);
    g_free(moved);
    return found;
}
