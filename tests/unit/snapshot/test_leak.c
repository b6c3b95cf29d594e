/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a view must not hand out, and where an internal view sends traffic outside for nothing.
 *
 * links: config
 */
#include "unit/snapshot/zone_world.h"

#include <stdio.h>

#define VIEWS                                        \
    "server: {listen: [127.0.0.1:53]}\n"             \
    "views:\n"                                       \
    "  in: {internal: true, match: [10.0.0.0/16]}\n" \
    "  out: {default: true}\n"
#define ZONE "zones:\n  - zone: example.com\n    file: z\n"
#define MEND                                                                                     \
    "; put the address into an overlay of an internal view, mark the view `internal: true`, or " \
    "add a leak-guard exception with its reason\n"
#define LEAK(place, kind, address, type, name)                                                   \
    place ": error: leak guard: view out would hand out the " kind " address " address " (" type \
          ") at " name MEND

struct leak_case {
    const char *yaml, *text, *findings;
};

static void findings_are(const struct leak_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct zone_world world;
        char text[2048];
        snprintf(text, sizeof(text), "%s%s", APEX, cases[i].text);
        world_init(&world, "example.com.");
        int err = world_compile(&world, cases[i].yaml, text, NULL);
        assert_string_equal(world_findings(&world), cases[i].findings);
        assert_int_equal(err, strstr(cases[i].findings, ": error: ") ? ERR_INVALID : ERR_OK);
        world_deinit(&world);
    }
}
#define FINDINGS_ARE(cases) findings_are(cases, sizeof(cases) / sizeof((cases)[0]))

static void no_address_that_is_not_public_leaks(void **state)
{
    (void)state;
    static const struct leak_case cases[] = {
        {VIEWS ZONE, "www A 8.8.8.8\nwww AAAA 2001:db8::1\n", ""},
        {VIEWS ZONE, "x TXT y\nwww A 10.1.2.3\n",
         LEAK("z:5", "private", "10.1.2.3", "A", "www.example.com.")},
        {VIEWS ZONE, "www A 172.31.255.255\nx A 172.32.0.0\n",
         LEAK("z:4", "private", "172.31.255.255", "A", "www.example.com.")},
        {VIEWS ZONE, "www A 192.168.0.0\n",
         LEAK("z:4", "private", "192.168.0.0", "A", "www.example.com.")},
        {VIEWS ZONE, "www A 100.64.0.1\n",
         LEAK("z:4", "CGNAT", "100.64.0.1", "A", "www.example.com.")},
        {VIEWS ZONE, "www A 127.0.0.1\n",
         LEAK("z:4", "loopback", "127.0.0.1", "A", "www.example.com.")},
        {VIEWS ZONE, "www A 169.254.1.1\n",
         LEAK("z:4", "link-local", "169.254.1.1", "A", "www.example.com.")},
        {VIEWS ZONE, "www AAAA fd12::1\n",
         LEAK("z:4", "ULA", "fd12::1", "AAAA", "www.example.com.")},
        {VIEWS ZONE, "www AAAA fe80::1\n",
         LEAK("z:4", "link-local", "fe80::1", "AAAA", "www.example.com.")},
        {VIEWS ZONE, "www AAAA ::1\n", LEAK("z:4", "loopback", "::1", "AAAA", "www.example.com.")},
        {VIEWS ZONE, "www AAAA ::ffff:10.0.0.1\n",
         LEAK("z:4", "private", "10.0.0.1", "AAAA", "www.example.com.")},
        {VIEWS ZONE, "www HTTPS 1 . alpn=h2 ipv4hint=10.0.0.1\n",
         LEAK("z:4", "private", "10.0.0.1", "HTTPS", "www.example.com.")},
        {VIEWS ZONE, "_x SVCB 1 svc ipv6hint=fd00::1\n",
         LEAK("z:4", "ULA", "fd00::1", "SVCB", "_x.example.com.")},
        {VIEWS ZONE, "d NS ns.d\nns.d A 10.0.0.1\n",
         LEAK("z:5", "private", "10.0.0.1", "A", "ns.d.example.com.")},
        {VIEWS ZONE "    only: [in]\n", "www A 10.0.0.1\n", ""},
        {VIEWS ZONE "    subtrees: [{name: corp, only: [in]}]\n", "www.corp A 10.0.0.1\n", ""},
        {VIEWS ZONE "    overlays: [{view: in, reason: r, replace: {www: A 10.0.0.1}}]\n",
         "www A 8.8.8.8\n", ""},
        {VIEWS ZONE "    overlays: [{view: out, reason: r, remove: [www]}]\n", "www A 10.0.0.1\n",
         ""},
        {VIEWS ZONE "    overlays: [{view: out, reason: r, replace: {www: A 8.8.8.8}}]\n",
         "www A 10.0.0.1\n", ""},
    };
    FINDINGS_ARE(cases);
}

/* The place is where the record stands: in the zone's file, or in the overlay of that view. */
static void a_leak_stands_where_it_is_written(void **state)
{
    (void)state;
    static const struct leak_case cases[] = {
        {VIEWS ZONE "    overlays:\n"
                    "      - {view: in, reason: r, replace: {www: A 10.0.0.2}}\n"
                    "      - {view: out, reason: r, add: {www: A 10.0.0.1}}\n",
         "www A 8.8.8.8\n", LEAK("c:10:38", "private", "10.0.0.1", "A", "www.example.com.")},
        {VIEWS ZONE "    overlays:\n"
                    "      - {view: in, reason: r, add: {www: A 10.0.0.2}}\n",
         "www A 10.0.0.1\n", LEAK("z:4", "private", "10.0.0.1", "A", "www.example.com.")},
    };
    FINDINGS_ARE(cases);
}

#define EXCEPTION(name, prefix)                                                        \
    "leak-guard:\n  exceptions:\n    - {name: " name ", views: [out], prefix: " prefix \
    ", reason: r}\n"

static void an_exception_covers_its_name_view_and_prefix(void **state)
{
    (void)state;
    static const struct leak_case cases[] = {
        {VIEWS ZONE EXCEPTION("vpn.example.com", "10.9.0.0/16"), "vpn A 10.9.1.1\n", ""},
        {VIEWS ZONE EXCEPTION("vpn.example.com", "10.9.0.0/16"), "vpn A 10.8.1.1\n",
         LEAK("z:4", "private", "10.8.1.1", "A", "vpn.example.com.")},
        {VIEWS ZONE EXCEPTION("vpn.example.com", "10.9.0.0/16"), "a.vpn A 10.9.1.1\n",
         LEAK("z:4", "private", "10.9.1.1", "A", "a.vpn.example.com.")},
        {VIEWS ZONE EXCEPTION("\"*.vpn.example.com\"", "10.9.0.0/16"),
         "a.b.vpn A 10.9.1.1\n*.vpn A 10.9.0.2\n", ""},
        {VIEWS ZONE EXCEPTION("\"*.vpn.example.com\"", "10.9.0.0/16"), "vpn A 10.9.1.1\n",
         LEAK("z:4", "private", "10.9.1.1", "A", "vpn.example.com.")},
        {VIEWS ZONE EXCEPTION("vpn.example.com", "fd00::/8"), "vpn HTTPS 1 . ipv6hint=fd00::1\n",
         ""},
    };
    FINDINGS_ARE(cases);
}

#define HAIRPIN(place, address, type)                                                              \
    place                                                                                          \
        ": warning: hairpin: internal view in hands out the public address " address " (" type     \
        "), though the name has a private one in view in at www.example.com.; replace the public " \
        "address too, so that traffic stays inside\n"

static void traffic_that_could_stay_inside_is_told(void **state)
{
    (void)state;
    static const struct leak_case cases[] = {
        {VIEWS ZONE "    overlays: [{view: in, reason: r, replace: {www: A 10.0.0.1}}]\n",
         "www A 8.8.8.8\nwww AAAA 2001:db8:1::1\n", ""},
        {VIEWS ZONE "    overlays: [{view: in, reason: r, replace: {www A: A 10.0.0.1}}]\n",
         "www A 8.8.8.8\nwww AAAA 2606:4700::1\n", HAIRPIN("c:8:48", "2606:4700::1", "AAAA")},
        {VIEWS ZONE "    overlays: [{view: in, reason: r, add: {www: A 10.0.0.1}}]\n",
         "www A 8.8.8.8\n", HAIRPIN("c:8:44", "8.8.8.8", "A")},
        {VIEWS ZONE "    overlays: [{view: in, reason: r, replace: {www: [A 10.0.0.1, HTTPS 1 . "
                    "ipv4hint=8.8.8.8]}}]\n",
         "", HAIRPIN("c:8:48", "8.8.8.8", "HTTPS")},
        {VIEWS ZONE "    only: [in]\n", "www A 10.0.0.1\nwww A 8.8.8.8\n",
         HAIRPIN("z:5", "8.8.8.8", "A")},
        {VIEWS ZONE "    only: [in]\n", "www A 8.8.8.8\nx A 10.0.0.1\n", ""},
    };
    FINDINGS_ARE(cases);
}

/* From flags alone: one implicit view, told once, with the number of addresses. */
static void the_implicit_view_only_warns(void **state)
{
    (void)state;
    static const char warning[] =
        "z:2: warning: %s would be told to everyone at example.com.; write a configuration with an "
        "internal and an external view before anyone outside may ask\n";
    static const struct leak_case cases[] = {
        {NULL, "www A 8.8.8.8\n", NULL},
        {NULL, "www A 10.0.0.1\n", "1 private address"},
        {NULL, "www A 10.0.0.1\nwww A 10.0.0.2\nx AAAA fd00::1\ny A 8.8.8.8\ny A 10.0.0.3\n",
         "4 private addresses"},
        {NULL, "x HTTPS 1 . ipv4hint=10.0.0.1,10.0.0.2\n", "2 private addresses"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone_world world;
        struct diag_list diags;
        static const char *const listens[] = {"127.0.0.1:53"}, *const zones[] = {"example.com=z"};
        char text[1024], wanted[512] = "";
        diag_init(&diags, &ALLOC_MALLOC);
        world_init(&world, "example.com.");
        assert_int_equal(
            config_from_flags(&ALLOC_MALLOC, listens, 1, zones, 1, &diags, &world.config), ERR_OK);
        world.config_free = config_free;
        snprintf(text, sizeof(text), "%s%s", APEX, cases[i].text);
        if (cases[i].findings) {
            snprintf(wanted, sizeof(wanted), warning, cases[i].findings);
        }
        assert_int_equal(world_compile_again(&world, text, NULL), ERR_OK);
        assert_string_equal(world_findings(&world), wanted);
        diag_deinit(&diags);
        world_deinit(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_address_that_is_not_public_leaks),
        cmocka_unit_test(a_leak_stands_where_it_is_written),
        cmocka_unit_test(an_exception_covers_its_name_view_and_prefix),
        cmocka_unit_test(traffic_that_could_stay_inside_is_told),
        cmocka_unit_test(the_implicit_view_only_warns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
