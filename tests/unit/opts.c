/*
 * Option strings: what is said, what is asked, and what nobody asked for.
 */
#include <errno.h>

#include "base/opts.h"

static struct opts *parse(const char *text, const char *first)
{
    g_autoptr(GError) err = NULL;
    struct opts *opts = opts_parse("-drive", text, first, &err);

    g_assert_no_error(err);
    return opts;
}

static void keys_flags_and_the_first_item(void)
{
    struct opts *o = parse("a,,b.img,if=ide,readonly,nowait,file2=x=y,empty=,if=none", "file");
    g_autoptr(GError) err = NULL;
    bool readonly = false, wait = true;

    g_assert_cmpstr(opts_where(o), ==, "-drive a,b.img");
    g_assert_cmpstr(opts_get(o, "file"), ==, "a,b.img");
    g_assert_cmpstr(opts_get(o, "if"), ==, "none"); /* the last one counts */
    g_assert_cmpint(opts_get_bool(o, "readonly", &readonly, &err), ==, 0);
    g_assert_true(readonly);
    g_assert_cmpint(opts_get_bool(o, "wait", &wait, &err), ==, 0);
    g_assert_false(wait);
    g_assert_cmpstr(opts_get(o, "file2"), ==, "x=y");
    g_assert_cmpstr(opts_get(o, "empty"), ==, "");
    g_assert_null(opts_get(o, "format"));
    g_assert_cmpint(opts_finish(o, &err), ==, 0);
    opts_free(o);
}

/* "notify" may be a key of its own as well as tify=off: the one who asks decides. */
static void a_flag_that_begins_with_no(void)
{
    struct opts *o = parse("notify", NULL);

    g_assert_cmpstr(opts_get(o, "notify"), ==, "on");
    g_assert_cmpstr(opts_get(o, "tify"), ==, "off");
    g_assert_null(opts_get(o, "otify"));
    opts_free(o);
}

static void repeated_keys_are_a_list(void)
{
    struct opts *o = parse("user,hostfwd=a,id=n0,hostfwd=b", "type");
    g_autoptr(GError) err = NULL;

    g_assert_cmpstr(opts_get_nth(o, "hostfwd", 0), ==, "a");
    g_assert_cmpint(opts_finish(o, NULL), ==, -EINVAL); /* one is left */
    g_assert_cmpstr(opts_get_nth(o, "hostfwd", 1), ==, "b");
    g_assert_null(opts_get_nth(o, "hostfwd", 2));
    opts_get(o, "type");
    g_assert_cmpint(opts_finish(o, &err), ==, -EINVAL);
    g_assert_cmpstr(err->message, ==, "-drive user: id=n0: there is no such key");
    opts_free(o);
}

static void what_is_left_can_be_walked(void)
{
    struct opts *o = parse("e1000,mac=1,multifunction", "driver");
    const char *key, *value;

    opts_set(o, "addr", "3");
    g_assert_cmpstr(opts_get(o, "driver"), ==, "e1000");
    g_assert_true(opts_next(o, &key, &value));
    g_assert_cmpstr(key, ==, "mac");
    g_assert_cmpstr(value, ==, "1");
    g_assert_true(opts_next(o, &key, &value));
    g_assert_cmpstr(key, ==, "multifunction");
    g_assert_cmpstr(value, ==, "on");
    g_assert_true(opts_next(o, &key, &value));
    g_assert_cmpstr(key, ==, "addr");
    g_assert_false(opts_next(o, &key, &value));
    opts_free(o);
}

static void numbers_have_limits_and_sizes_suffixes(void)
{
    struct opts *o = parse("n=0x10,big=99,size=64k,huge=99999999999E,neg=-1,blank= 1,b=1x", NULL);
    g_autoptr(GError) err = NULL;
    uint64_t v = 7;

    g_assert_cmpint(opts_get_uint(o, "absent", 1, 2, &v, &err), ==, 0);
    g_assert_cmpuint(v, ==, 7);
    g_assert_cmpint(opts_get_uint(o, "n", 16, 16, &v, &err), ==, 0);
    g_assert_cmpuint(v, ==, 16);
    g_assert_cmpint(opts_get_size(o, "size", 0, UINT64_MAX, &v, &err), ==, 0);
    g_assert_cmpuint(v, ==, 65536);
    g_assert_cmpint(opts_get_uint(o, "big", 1, 16, &v, &err), ==, -ERANGE);
    g_assert_cmpstr(err->message, ==, "-drive: big=99: not between 1 and 16");
    g_clear_error(&err);
    g_assert_cmpint(opts_get_size(o, "huge", 0, UINT64_MAX, &v, NULL), ==, -ERANGE);
    g_assert_cmpint(opts_get_uint(o, "size", 0, UINT64_MAX, &v, NULL), ==, -EINVAL);
    g_assert_cmpint(opts_get_uint(o, "neg", 0, UINT64_MAX, &v, NULL), ==, -EINVAL);
    g_assert_cmpint(opts_get_uint(o, "blank", 0, UINT64_MAX, &v, NULL), ==, -EINVAL);
    g_assert_cmpint(opts_get_size(o, "b", 0, UINT64_MAX, &v, NULL), ==, -EINVAL);
    bool b = true;
    g_assert_cmpint(opts_get_bool(o, "n", &b, &err), ==, -EINVAL);
    g_assert_cmpstr(err->message, ==, "-drive: n=0x10: not on or off");
    g_assert_cmpuint(v, ==, 65536); /* what is wrong changes nothing */
    g_assert_cmpint(parse_size("512", 'M', &v), ==, 0);
    g_assert_cmpuint(v, ==, 512u << 20);
    opts_free(o);
}

static void what_is_missing_or_empty_is_said(void)
{
    struct opts *o = parse("", "file");
    g_autoptr(GError) err = NULL;

    g_assert_null(opts_require(o, "file", &err));
    g_assert_cmpstr(err->message, ==, "-drive: file= is missing");
    g_clear_error(&err);
    g_assert_null(opts_parse("-drive", "=1", NULL, &err));
    g_assert_cmpstr(err->message, ==, "-drive: a key is empty");
    opts_free(o);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/opts/keys", keys_flags_and_the_first_item);
    g_test_add_func("/opts/no", a_flag_that_begins_with_no);
    g_test_add_func("/opts/lists", repeated_keys_are_a_list);
    g_test_add_func("/opts/rest", what_is_left_can_be_walked);
    g_test_add_func("/opts/numbers", numbers_have_limits_and_sizes_suffixes);
    g_test_add_func("/opts/missing", what_is_missing_or_empty_is_said);
    return g_test_run();
}
