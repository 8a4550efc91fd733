// SPDX-License-Identifier: GPL-2.0-only
/*
 * vGPUs without mediated devices: the type of a virtual function is a number in its sysfs folder `nvidia`.
 *
 * Form of the files: the README of NVIDIA/vgpu-device-manager and listings that users published, with a header over
 * the creatable types. Assumed: a function that has a type offers none; another type is refused (EPERM) until 0 is
 * written; a number that is no type of the board is EINVAL, one for which there is no room ENOSPC.
 */
#include "double.h"

static struct home *home_of(struct device *dev)
{
	return pci_get_drvdata(to_pci_dev(dev));
}

static ssize_t creatable_vgpu_types_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct home *home = home_of(dev);
	unsigned int i;
	int len = sysfs_emit(buf, "ID    : vGPU Name\n");

	mutex_lock(&state_lock);
	for (i = 0; i < home->gpu->board->type_count; i++) {
		const struct offer *offer = &home->offers[i];

		if (available_locked(offer))
			len += sysfs_emit_at(buf, len, "%-5u : %s\n", offer->profile->number, offer->profile->name);
	}
	mutex_unlock(&state_lock);
	return len;
}
static DEVICE_ATTR_RO(creatable_vgpu_types);

static ssize_t current_vgpu_type_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", home_of(dev)->vendor_type);
}

static int set_type(struct home *home, unsigned int number)
{
	unsigned int i;
	int ret;

	if (!number) {
		vendor_release(home);
		return 0;
	}
	if (home->vendor_type)
		return home->vendor_type == number ? 0 : -EPERM;
	for (i = 0; i < home->gpu->board->type_count; i++) {
		struct offer *offer = &home->offers[i];

		if (offer->profile->number != number)
			continue;
		ret = take(offer, &home->vendor_instance);
		if (!ret)
			home->vendor_type = number;
		return ret;
	}
	return -EINVAL;
}

static ssize_t current_vgpu_type_store(struct device *dev, struct device_attribute *attr, const char *buf,
				       size_t count)
{
	static DEFINE_MUTEX(writing);
	unsigned int number;
	int ret = kstrtouint(buf, 10, &number);

	if (ret)
		return ret;
	mutex_lock(&writing);
	ret = set_type(home_of(dev), number);
	mutex_unlock(&writing);
	return ret ?: count;
}
static DEVICE_ATTR_RW(current_vgpu_type);

void vendor_release(struct home *home)
{
	if (!home->vendor_type)
		return;
	give_back(home, home->vendor_instance);
	home->vendor_type = 0;
	home->vendor_instance = NULL;
}

static struct attribute *vendor_attributes[] = {
	&dev_attr_creatable_vgpu_types.attr,
	&dev_attr_current_vgpu_type.attr,
	NULL,
};

const struct attribute_group vendor_group = {
	.name = "nvidia",
	.attrs = vendor_attributes,
};
