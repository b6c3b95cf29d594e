/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `views`: who asks. What the matches mean together is judged in check.c.
 */
#include "config/read.h"

#include "base/error.h"

static void match_item(struct reading *reading, const struct option *option,
                       const struct node *item, struct desired_view *view)
{
    struct desired_match *match = &view->matches[view->match_count];
    uint32_t errors = reading->diags->errors;
    match->listener = -1;
    match->place = item->place;
    if (item->kind == NODE_TEXT) {
        prefix_read(reading, item->place, option->path, item->text, &match->prefix);
    } else if (node_expect(reading, option, item, NODE_MAP)) {
        group_read(reading, "views.NAME.match[]", item, match);
    }
    if (errors == reading->diags->errors) {
        view->match_count++;
    }
}

void read_match(struct reading *reading, const struct option *option, const struct node *node,
                void *group)
{
    struct desired_view *view = group;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    view->matches = reading_new(reading, node->count, sizeof(*view->matches));
    for (const struct node *item = node->first; view->matches && item; item = item->next) {
        match_item(reading, option, item, view);
    }
}

void read_subnet_from(struct reading *reading, const struct option *option, const struct node *node,
                      void *group)
{
    struct desired_view *view = group;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    view->subnet_from = reading_new(reading, node->count, sizeof(*view->subnet_from));
    for (const struct node *item = node->first; view->subnet_from && item; item = item->next) {
        if (node_expect(reading, option, item, NODE_TEXT) &&
            prefix_read(reading, item->place, option->path, item->text,
                        &view->subnet_from[view->subnet_from_count])) {
            view->subnet_from_count++;
        }
    }
}

static void view_item(struct reading *reading, const struct option *option, const struct node *node)
{
    struct desired *desired = &reading->config->desired;
    struct desired_view *view = &desired->views[desired->view_count];
    view->name = reading_keep(reading, node->key->text);
    view->place = node->key->place;
    if (!view->name || desired_view_find(desired, view->name) != VIEW_NONE) {
        return; /* written twice: the tree has said so */
    }
    desired->view_count++;
    label_check(reading, node->key->place, "view", view->name);
    group_default(reading, "views.NAME", view);
    if (node_expect(reading, option, node, NODE_MAP)) {
        group_read(reading, "views.NAME", node, view);
    }
}

void read_views_map(struct reading *reading, const struct option *option, const struct node *node,
                    void *group)
{
    struct desired *desired = &((struct config *)group)->desired;
    reading->views_unclear = true;
    if (!node_expect(reading, option, node, NODE_MAP)) {
        return;
    }
    if (node->count == 0 || node->count > LIMIT_VIEWS) {
        reading_error(reading, node->place, "leave the key out for one view that holds everybody",
                      "%s has %u views; 1 to %d are possible", option->path, node->count,
                      (int)LIMIT_VIEWS);
        return;
    }
    desired->views = reading_new(reading, node->count, sizeof(*desired->views));
    for (const struct node *item = node->first; desired->views && item; item = item->next) {
        view_item(reading, option, item);
    }
    reading->views_unclear = desired->views == NULL;
}

void read_site_match(struct reading *reading, const struct option *option, const struct node *node,
                     void *group)
{
    struct desired_site *site = group;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    site->matches = reading_new(reading, node->count ? node->count : 1, sizeof(*site->matches));
    for (const struct node *item = node->first; site->matches && item; item = item->next) {
        struct desired_match *match = &site->matches[site->match_count];
        *match = (struct desired_match){.listener = -1, .place = item->place};
        if (node_expect(reading, option, item, NODE_TEXT) &&
            prefix_read(reading, item->place, option->path, item->text, &match->prefix)) {
            site->match_count++;
        }
    }
}

/* What a check of a whole site needs that one of an instance has from its instance. */
static void site_check_judge(struct reading *reading, const struct desired_site *site,
                             const struct check *check)
{
    bool local = check->kind == CHECK_COMMAND || check->kind == CHECK_FILE;
    if (check->kind == CHECK_TTL || check->kind == CHECK_CALCULATED || check->kind == CHECK_ALIAS) {
        reading_error(reading, site->place, "use tcp, held, http, dns, command or file",
                      "site %s: a site has no checks of kind %s", site->name,
                      check_kind_name(check->kind));
    } else if (!local && (!check->target || !check->port)) {
        reading_error(reading, site->place, "name an address and a port in the site",
                      "site %s: check %s has no `%s`", site->name, check->name,
                      check->target ? "port" : "target");
    }
}

static void site_checks_judge(struct reading *reading, const struct desired_site *site)
{
    for (unsigned i = 0; i < site->check_count; i++) {
        site_check_judge(reading, site, &site->checks[i]);
    }
    if (site->need > site->check_count) {
        reading_error(reading, site->place, NULL, "site %s: %u of %u checks cannot pass",
                      site->name, site->need, site->check_count);
    }
    if (site->gate_count > 1) {
        reading_error(reading, site->place, "join them in a command",
                      "site %s: there is one gate, not %u", site->name, site->gate_count);
    } else if (site->gate_count == 1) {
        site_check_judge(reading, site, site->gate);
    }
}

void read_sites(struct reading *reading, const struct option *option, const struct node *node,
                void *group)
{
    struct desired *desired = &((struct config *)group)->desired;
    if (!node_expect(reading, option, node, NODE_MAP)) {
        return;
    }
    if (node->count > LIMIT_VIEWS) {
        reading_error(reading, node->place, NULL, "%s has %u sites; at most %d are possible",
                      option->path, node->count, (int)LIMIT_VIEWS);
        return;
    }
    desired->sites = reading_new(reading, node->count ? node->count : 1, sizeof(*desired->sites));
    for (const struct node *item = node->first; desired->sites && item; item = item->next) {
        struct desired_site *site = &desired->sites[desired->site_count];
        *site = (struct desired_site){.name = reading_keep(reading, item->key->text),
                                      .place = item->key->place};
        if (!site->name) {
            continue;
        }
        label_check(reading, item->key->place, "site", site->name);
        desired->site_count++;
        if (node_expect(reading, option, item, NODE_MAP)) {
            group_read(reading, "sites.NAME", item, site);
            site_checks_judge(reading, site);
        }
    }
}
