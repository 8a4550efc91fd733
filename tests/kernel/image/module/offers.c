// SPDX-License-Identifier: GPL-2.0-only
/* What a PCI function offers of vGPU types, how many more of each, and taking and giving back. */
#include <linux/slab.h>

#include "double.h"

int offer_types(struct home *home)
{
	const struct board *board = home->gpu->board;
	unsigned int i;

	home->offers = devm_kcalloc(&home->pdev->dev, board->type_count, sizeof(*home->offers), GFP_KERNEL);
	home->offered = devm_kcalloc(&home->pdev->dev, board->type_count, sizeof(*home->offered), GFP_KERNEL);
	if (!home->offers || !home->offered)
		return -ENOMEM;
	for (i = 0; i < board->type_count; i++) {
		home->offers[i].home = home;
		home->offers[i].profile = &board->types[i];
		home->offers[i].type.sysfs_name = board->types[i].id;
		home->offers[i].type.pretty_name = board->types[i].name;
		home->offered[i] = &home->offers[i].type;
	}
	return 0;
}

unsigned int available_locked(const struct offer *offer)
{
	const struct vgpu_profile *profile = offer->profile;
	const struct home *home = offer->home;
	struct gpu *gpu = home->gpu;

	if (!gpu->bound || (gpu->board->on_vfs && home->vgpus))
		return 0;
	if (profile->instance)
		return gpu->mig && mig_free_instance(gpu, profile->instance);
	if (gpu->mig || (gpu->vgpus && gpu->framebuffer_mib != profile->framebuffer_mib))
		return 0;
	if (gpu->vgpus >= profile->max_instance)
		return 0;
	return gpu->board->on_vfs ? 1 : profile->max_instance - gpu->vgpus;
}

int take(struct offer *offer, struct gpu_instance **instance)
{
	struct gpu *gpu = offer->home->gpu;
	int ret = 0;

	mutex_lock(&state_lock);
	*instance = NULL;
	if (gpu->locked) {
		ret = -EBUSY;
	} else if (!available_locked(offer)) {
		ret = -ENOSPC;
	} else {
		offer->home->vgpus++;
		gpu->vgpus++;
		gpu->framebuffer_mib = offer->profile->framebuffer_mib;
		if (offer->profile->instance) {
			*instance = mig_free_instance(gpu, offer->profile->instance);
			(*instance)->taken = true;
		}
	}
	mutex_unlock(&state_lock);
	return ret;
}

void give_back(struct home *home, struct gpu_instance *instance)
{
	mutex_lock(&state_lock);
	if (instance)
		instance->taken = false;
	home->vgpus--;
	home->gpu->vgpus--;
	mutex_unlock(&state_lock);
}
