/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snapshot/policy.h"

#include "base/error.h"

struct policy policy_read(const struct node *node, const uint8_t **ret_weights)
{
    struct policy policy;
    const uint8_t *rdata = rrset_data(node, node_rrsets(node)) + 2; /* behind its length */
    memcpy(&policy, rdata, sizeof(policy));
    *ret_weights = rdata + sizeof(policy);
    return policy;
}

int policy_encode(struct buf *out, const struct policy *policy, const uint16_t *weights)
{
    size_t count = (size_t)policy->counts[0] + policy->counts[1];
    struct policy copy;
    memset(&copy, 0, sizeof(copy)); /* padding too: nodes are compared as bytes */
    copy.mode = policy->mode;
    copy.weighted = weights != NULL;
    copy.answers = policy->answers;
    copy.negative_ttl_s = policy->negative_ttl_s;
    copy.by_site = policy->by_site;
    copy.counts[0] = policy->counts[0];
    copy.counts[1] = policy->counts[1];
    int err = buf_append(out, &copy, sizeof(copy));
    if (err == ERR_OK && weights) {
        err = buf_append(out, weights, count * sizeof(*weights));
    }
    return err == ERR_OK && out->len > UINT16_MAX ? ERR_LIMIT : err;
}
