// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TEST DOUBLE of NVIDIA's vGPU host driver, for the kernel bench. It drives no GPU and holds no NVIDIA code.
 *
 * It carries the name "nvidia" because tools look for that name in sysfs and procfs. It keeps to the outward rules of
 * the real driver, as far as they are documented, for the boards in tables.h:
 *
 *  - From Ampere on the physical function offers no vGPU types; each virtual function offers them all and holds one
 *    vGPU at most. Before, the physical function offers them and there are no virtual functions.
 *  - All time-sliced vGPUs of a GPU have one framebuffer size, and a type's max_instance counts over all of the GPU.
 *  - There is no sriov_configure callback: the kernel refuses a write to sriov_numvfs while this driver is bound.
 *  - A virtual function is bound only if its physical function is bound too and the system has an IOMMU.
 *  - /proc/driver/nvidia/gpus/ADDRESS/unbindLock: write 1 to ask for the lock, read whether it was given. It is
 *    refused while the GPU has clients. Unbinding a GPU that has clients waits until they are gone.
 *  - Letting go of a GPU destroys its GPU instances (mig.c has the rest of MIG).
 *
 * Assumed, not documented: a vGPU counts as a client even when no VM runs on it; a GPU whose lock is held refuses new
 * clients with EBUSY; creating a vGPU beyond a limit fails with ENOSPC.
 *
 * Unlike the real one it does not announce the older boards to udev, so that nouveau has them until somebody binds
 * them to it (driver_override): one image then serves both kinds of host.
 */
#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "double.h"
#include "tables.h"

DEFINE_MUTEX(state_lock);
LIST_HEAD(gpus);

unsigned int refuse_unbind_locks;
module_param(refuse_unbind_locks, uint, 0644);
MODULE_PARM_DESC(refuse_unbind_locks, "Refuse this many requests for an unbindLock, then behave again");

static unsigned int vf_limit;
module_param(vf_limit, uint, 0644);
MODULE_PARM_DESC(vf_limit, "The bench's sriov-manage enables no more than this many VFs (0: all)");

static unsigned int vf_limit_runs;
module_param(vf_limit_runs, uint, 0644);
MODULE_PARM_DESC(vf_limit_runs, "After this many limited runs sriov-manage sets vf_limit to 0 (0: never)");

const struct board *find_board(u16 device)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(boards); i++)
		if (boards[i].device == device)
			return &boards[i];
	return NULL;
}

static struct gpu *find_gpu(struct pci_dev *physical)
{
	struct gpu *gpu;

	list_for_each_entry(gpu, &gpus, list)
		if (!strcmp(gpu->address, pci_name(physical)))
			return gpu;
	return NULL;
}

static struct gpu *add_gpu(struct pci_dev *physical, const struct board *board)
{
	static unsigned int count;
	struct gpu *gpu = kzalloc(sizeof(*gpu), GFP_KERNEL);

	if (!gpu)
		return NULL;
	gpu->board = board;
	strscpy(gpu->address, pci_name(physical), sizeof(gpu->address));
	snprintf(gpu->node, sizeof(gpu->node), "nvidia%u", count++);
	INIT_LIST_HEAD(&gpu->instances);
	INIT_LIST_HEAD(&gpu->active);
	gpu->mig = inforom_mode(gpu);
	gpu->mig_pending = gpu->mig;
	list_add_tail(&gpu->list, &gpus);
	return gpu;
}

static struct home *add_home(struct pci_dev *pdev, struct gpu *gpu)
{
	struct home *home = devm_kzalloc(&pdev->dev, sizeof(*home), GFP_KERNEL);

	if (!home)
		return NULL;
	home->pdev = pdev;
	home->gpu = gpu;
	return offer_types(home) ? NULL : home;
}

static int register_home(struct home *home)
{
	const struct board *board = home->gpu->board;

	if (board->vendor_vfio)
		return sysfs_create_group(&home->pdev->dev.kobj, &vendor_group);
	if (!board->type_count)
		return 0;
	return mdev_register_parent(&home->parent, &home->pdev->dev, &vgpu_driver, home->offered, board->type_count);
}

static void unregister_home(struct home *home)
{
	const struct board *board = home->gpu->board;

	if (board->vendor_vfio) {
		sysfs_remove_group(&home->pdev->dev.kobj, &vendor_group);
		vendor_release(home);
	} else if (board->type_count) {
		mdev_unregister_parent(&home->parent);
	}
}

static int probe_physical(struct pci_dev *pdev)
{
	const struct board *board = find_board(pdev->device);
	struct home *home;
	struct gpu *gpu;
	int ret;

	if (!board)
		return -ENODEV;
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	mutex_lock(&state_lock);
	gpu = find_gpu(pdev) ?: add_gpu(pdev, board);
	mutex_unlock(&state_lock);
	home = gpu ? add_home(pdev, gpu) : NULL;
	if (!home)
		return -ENOMEM;
	gpu->pdev = pdev;
	ret = procfs_show(gpu);
	if (ret)
		return ret;
	ret = add_client_node(gpu);
	if (ret)
		goto hide;
	pci_set_drvdata(pdev, home);
	mutex_lock(&state_lock);
	gpu->locked = false;
	gpu->bound = true;
	mutex_unlock(&state_lock);
	ret = board->on_vfs ? 0 : register_home(home);
	if (!ret)
		return 0;
	retire(gpu);
	remove_client_node(gpu);
hide:
	procfs_hide(gpu);
	return ret;
}

static void remove_physical(struct pci_dev *pdev)
{
	struct home *home = pci_get_drvdata(pdev);
	struct gpu *gpu = home->gpu;

	if (!gpu->board->on_vfs)
		unregister_home(home);
	remove_client_node(gpu);
	if (!retire(gpu)) {
		pci_err(pdev, "clients still use this GPU; removal waits until they are gone\n");
		while (!retire(gpu))
			msleep(200);
	}
	procfs_hide(gpu);
}

static int probe_virtual(struct pci_dev *pdev)
{
	struct pci_dev *physical = pci_physfn(pdev);
	struct home *home;
	struct gpu *gpu;

	mutex_lock(&state_lock);
	gpu = find_gpu(physical);
	if (gpu && !gpu->bound)
		gpu = NULL;
	mutex_unlock(&state_lock);
	if (!gpu) {
		pci_err(pdev, "physical function %s is not bound to this driver\n", pci_name(physical));
		return -ENODEV;
	}
	if (!iommu_present(pdev->dev.bus)) {
		pci_err(pdev, "no IOMMU on this system; virtual functions need one\n");
		return -ENODEV;
	}
	home = add_home(pdev, gpu);
	if (!home)
		return -ENOMEM;
	pci_set_drvdata(pdev, home);
	return register_home(home);
}

static int nvidia_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return pdev->is_virtfn ? probe_virtual(pdev) : probe_physical(pdev);
}

static void nvidia_remove(struct pci_dev *pdev)
{
	if (pdev->is_virtfn)
		unregister_home(pci_get_drvdata(pdev));
	else
		remove_physical(pdev);
}

MODULE_DEVICE_TABLE(pci, announced);

static struct pci_driver nvidia_driver = {
	.name = "nvidia",
	.id_table = announced,
	.probe = nvidia_probe,
	.remove = nvidia_remove,
};

static int __init nvidia_init(void)
{
	int ret = procfs_init();

	if (ret)
		return ret;
	ret = mdev_register_driver(&vgpu_driver);
	if (ret)
		goto remove_proc;
	ret = pci_register_driver(&nvidia_driver);
	if (ret)
		goto unregister_mdev;
	return 0;

unregister_mdev:
	mdev_unregister_driver(&vgpu_driver);
remove_proc:
	procfs_exit();
	return ret;
}

static void __exit nvidia_exit(void)
{
	struct gpu *gpu, *next;

	pci_unregister_driver(&nvidia_driver);
	mdev_unregister_driver(&vgpu_driver);
	procfs_exit();
	list_for_each_entry_safe(gpu, next, &gpus, list)
		kfree(gpu);
}

module_init(nvidia_init);
module_exit(nvidia_exit);
MODULE_LICENSE("GPL");
MODULE_VERSION(DRIVER_RELEASE);
MODULE_DESCRIPTION("Test double of the NVIDIA vGPU host driver (no NVIDIA code, no GPU)");
