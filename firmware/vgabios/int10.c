/*
 * INT 10h: from the function's number to the function.
 */
#include "int10.h"

#include "cell.h"
#include "charset.h"
#include "info.h"
#include "mode.h"
#include "palette.h"
#include "state.h"
#include "text.h"
#include "vbe.h"
#include "vga.h"

#define MODE_KEEP 0x80

/* AH=00h; AL tells what kind of mode it was, as some BIOSes do and some programs look at. */
static void mode_service(struct regs *r)
{
    uint8_t number = r->ax.l & ~MODE_KEEP;
    if (mode_set(number, r->ax.l & MODE_KEEP))
        r->ax.l = number == 6 ? 0x3F : number > 7 ? 0x20 : 0x30;
}

void int10_service(struct regs *r)
{
    switch (r->ax.h) {
    case 0x00: mode_service(r); break;
    case 0x01: text_shape_service(r); break;
    case 0x02: text_set_cursor_service(r); break;
    case 0x03: text_get_cursor_service(r); break;
    case 0x04: r->ax.h = 0; break; /* no light pen */
    case 0x05: text_page_service(r); break;
    case 0x06: text_scroll_up_service(r); break;
    case 0x07: text_scroll_down_service(r); break;
    case 0x08: text_read_service(r); break;
    case 0x09: text_write_service(r); break;
    case 0x0A: text_write_char_service(r); break;
    case 0x0B: palette_cga_service(r); break;
    case 0x0C: dot_write_service(r); break;
    case 0x0D: dot_read_service(r); break;
    case 0x0E: text_teletype_service(r); break;
    case 0x0F: info_mode_service(r); break;
    case 0x10: palette_service(r); break;
    case 0x11: charset_service(r); break;
    case 0x12: info_alternate_service(r); break;
    case 0x13: text_string_service(r); break;
    case 0x1A: info_display_service(r); break;
    case 0x1B: info_state_service(r); break;
    case 0x1C: state_service(r); break;
    case 0x4F: vbe_service(r); break;
    default: break;
    }
}
