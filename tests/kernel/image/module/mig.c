// SPDX-License-Identifier: GPL-2.0-only
/*
 * MIG as the driver keeps it: modes, GPU instances at placements, compute instances in them.
 *
 * Rules (NVIDIA MIG user guide): a board that keeps its mode changes it by a reset and leaves the change pending while
 * something uses the GPU; newer ones change at once, and refuse while something does. Instances stand at their
 * profile's placements and share no slice; compute slices and an ending's number are limited. Enabled virtual
 * functions count as use of the GPU (users' reports).
 *
 * Not documented: ids are the lowest free ones among those for the instance's size; without a wish an instance takes
 * the last place that is free.
 */
#include <linux/slab.h>

#include "double.h"

static bool in_use(const struct gpu *gpu)
{
	return has_clients(gpu) || pci_num_vf(gpu->pdev);
}

static struct gpu_instance *find_instance(struct gpu *gpu, unsigned int id)
{
	struct gpu_instance *each;

	list_for_each_entry(each, &gpu->instances, list)
		if (each->id == id)
			return each;
	return NULL;
}

static const struct mig_profile *find_profile(const struct gpu *gpu, int id)
{
	unsigned int i;

	for (i = 0; i < gpu->board->profile_count; i++)
		if (gpu->board->profiles[i].id == id)
			return &gpu->board->profiles[i];
	return NULL;
}

static void drop(struct gpu_instance *instance)
{
	list_del(&instance->list);
	kfree(instance);
}

void mig_wipe(struct gpu *gpu)
{
	struct gpu_instance *each, *next;

	list_for_each_entry_safe(each, next, &gpu->instances, list)
		drop(each);
}

int mig_set_mode(struct gpu *gpu, bool enabled)
{
	bool busy = in_use(gpu) || (!enabled && !list_empty(&gpu->instances));
	int ret;

	if (!gpu->board->profile_count)
		return -EOPNOTSUPP;
	if (busy && !gpu->board->mode_kept)
		return gpu->mig == enabled ? 0 : -EBUSY;
	ret = inforom_keep_mode(gpu, enabled);
	if (ret)
		return ret;
	gpu->mig_pending = enabled;
	if (!busy)
		gpu->mig = enabled;
	return 0;
}

int mig_reset(struct gpu *gpu)
{
	if (in_use(gpu))
		return -EBUSY;
	mig_wipe(gpu);
	gpu->mig = gpu->mig_pending;
	return 0;
}

/* The memory slices that are taken, a bit each. */
static unsigned int slices_taken(const struct gpu *gpu)
{
	const struct gpu_instance *each;
	unsigned int taken = 0;

	list_for_each_entry(each, &gpu->instances, list)
		taken |= GENMASK(each->start + each->profile->size - 1, each->start);
	return taken;
}

/* Where one more instance of this profile may start, a bit each. */
static unsigned int free_starts(const struct gpu *gpu, const struct mig_profile *profile)
{
	unsigned int compute = profile->compute, alike = 0, taken = slices_taken(gpu), found = 0, start;
	const struct gpu_instance *each;

	list_for_each_entry(each, &gpu->instances, list) {
		compute += each->profile->compute;
		alike += !strcmp(each->profile->ending, profile->ending);
	}
	if (compute > gpu->board->compute || (profile->ending_max && alike >= profile->ending_max))
		return 0;
	for (start = 0; start < gpu->board->memory; start++)
		if (profile->starts & BIT(start) && !(taken & GENMASK(start + profile->size - 1, start)))
			found |= BIT(start);
	return found;
}

unsigned int mig_room(const struct gpu *gpu, const struct mig_profile *profile)
{
	return min(profile->max_count, hweight32(free_starts(gpu, profile)));
}

static unsigned int free_id(struct gpu *gpu, unsigned int size)
{
	unsigned int share = size * 8 / gpu->board->memory;
	unsigned int id = share >= 8 ? 0 : share >= 4 ? 1 : share >= 2 ? 3 : 7;

	while (find_instance(gpu, id))
		id++;
	return id;
}

int mig_create(struct gpu *gpu, int number, int start)
{
	const struct mig_profile *profile = find_profile(gpu, number);
	struct gpu_instance *made;
	unsigned int starts;

	if (!gpu->mig)
		return -ENODEV;
	if (!profile || start >= 32 || (start >= 0 && !(profile->starts & BIT(start))))
		return -EINVAL;
	starts = free_starts(gpu, profile);
	if (start >= 0)
		starts &= BIT(start);
	if (!starts)
		return -ENOSPC;
	made = kzalloc(sizeof(*made), GFP_KERNEL);
	if (!made)
		return -ENOMEM;
	made->profile = profile;
	made->start = fls(starts) - 1;
	made->id = free_id(gpu, profile->size);
	list_add_tail(&made->list, &gpu->instances);
	return 0;
}

int mig_destroy(struct gpu *gpu, unsigned int id)
{
	struct gpu_instance *instance = find_instance(gpu, id);
	unsigned int i;

	if (!instance)
		return -ENOENT;
	for (i = 0; i < MAX_COMPUTE; i++)
		if (instance->compute[i].there)
			return -EBUSY;
	if (instance->taken)
		return -EBUSY;
	drop(instance);
	return 0;
}

/* Compute slices of the instance that are free from `start` on. */
static bool compute_is_free(const struct gpu_instance *instance, unsigned int start, unsigned int size)
{
	unsigned int i;

	if (start + size > instance->profile->compute)
		return false;
	for (i = 0; i < MAX_COMPUTE; i++) {
		const struct compute_instance *each = &instance->compute[i];

		if (each->there && start < each->start + each->size && each->start < start + size)
			return false;
	}
	return true;
}

int mig_fill(struct gpu *gpu, unsigned int id, unsigned int slices)
{
	struct gpu_instance *instance = find_instance(gpu, id);
	unsigned int size, start, number = 0;

	if (!instance)
		return -ENOENT;
	size = slices ?: instance->profile->compute;
	if (size > instance->profile->compute)
		return -EINVAL;
	for (start = 0; start < instance->profile->compute; start++)
		if (compute_is_free(instance, start, size))
			break;
	while (number < MAX_COMPUTE && instance->compute[number].there)
		number++;
	if (start == instance->profile->compute || number == MAX_COMPUTE)
		return -ENOSPC;
	instance->compute[number] = (struct compute_instance){ .there = true, .start = start, .size = size };
	return 0;
}

int mig_empty(struct gpu *gpu, unsigned int id, unsigned int compute)
{
	struct gpu_instance *instance = find_instance(gpu, id);

	if (!instance || compute >= MAX_COMPUTE || !instance->compute[compute].there)
		return -ENOENT;
	if (instance->taken)
		return -EBUSY;
	instance->compute[compute].there = false;
	return 0;
}

struct gpu_instance *mig_free_instance(struct gpu *gpu, const char *profile)
{
	struct gpu_instance *each;

	list_for_each_entry(each, &gpu->instances, list)
		if (!each->taken && !strcmp(each->profile->name, profile))
			return each;
	return NULL;
}
