// SPDX-License-Identifier: GPL-2.0-only
/* vGPUs as mediated devices: types in sysfs, creating and removing. What a guest sees of one is vgpu_vfio.c's. */
#include <linux/module.h>

#include "double.h"

static struct offer *offer_of(struct mdev_type *type)
{
	return container_of(type, struct offer, type);
}

static unsigned int vgpu_get_available(struct mdev_type *type)
{
	unsigned int available;

	mutex_lock(&state_lock);
	available = available_locked(offer_of(type));
	mutex_unlock(&state_lock);
	return available;
}

static ssize_t vgpu_show_description(struct mdev_type *type, char *buf)
{
	return sysfs_emit(buf, "%s\n", offer_of(type)->profile->description);
}

static int vgpu_probe(struct mdev_device *mdev)
{
	struct offer *offer = offer_of(mdev->type);
	struct gpu_instance *instance;
	struct vgpu *vgpu;
	int ret = take(offer, &instance);

	if (ret)
		return ret;
	vgpu = vfio_alloc_device(vgpu, vfio, &mdev->dev, &vgpu_vfio_ops);
	if (IS_ERR(vgpu)) {
		give_back(offer->home, instance);
		return PTR_ERR(vgpu);
	}
	vgpu->device_id = offer->home->pdev->device;
	vgpu->subsystem_id = offer->home->pdev->subsystem_device;
	vgpu->mdev = mdev;
	vgpu->offer = offer;
	vgpu->instance = instance;
	ret = vfio_register_emulated_iommu_dev(&vgpu->vfio);
	if (ret) {
		vfio_put_device(&vgpu->vfio);
		give_back(offer->home, instance);
		return ret;
	}
	mutex_lock(&state_lock);
	list_add_tail(&vgpu->list, &offer->home->gpu->active);
	mutex_unlock(&state_lock);
	dev_set_drvdata(&mdev->dev, vgpu);
	return 0;
}

static void vgpu_remove(struct mdev_device *mdev)
{
	struct vgpu *vgpu = dev_get_drvdata(&mdev->dev);
	struct offer *offer = vgpu->offer;
	struct gpu_instance *instance = vgpu->instance;

	vfio_unregister_group_dev(&vgpu->vfio);
	mutex_lock(&state_lock);
	list_del(&vgpu->list);
	mutex_unlock(&state_lock);
	vfio_put_device(&vgpu->vfio);
	give_back(offer->home, instance);
}

struct mdev_driver vgpu_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.driver = {
		.name = "nvidia-vgpu-vfio",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
	},
	.probe = vgpu_probe,
	.remove = vgpu_remove,
	.get_available = vgpu_get_available,
	.show_description = vgpu_show_description,
};
