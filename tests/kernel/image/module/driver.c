// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TEST DOUBLE of NVIDIA's vGPU host driver, for the kernel bench. It drives no GPU and holds no NVIDIA code.
 *
 * It carries the name "nvidia" because tools look for that name in sysfs and procfs. It keeps to the outward rules of
 * the real driver, as far as they are documented, for one device: the A100 PCIe 80GB (10de:20b5), time-sliced.
 *
 *  - The physical function offers no mdev types; each virtual function offers them all and holds one vGPU at most.
 *  - All vGPUs of a GPU have one framebuffer size, and a type's max_instance counts over all VFs of the GPU.
 *  - There is no sriov_configure callback: the kernel refuses a write to sriov_numvfs while this driver is bound.
 *  - A virtual function is bound only if its physical function is bound too and the system has an IOMMU.
 *  - /proc/driver/nvidia/gpus/ADDRESS/unbindLock: write 1 to ask for the lock, read whether it was given. It is
 *    refused while the GPU has clients. Unbinding a GPU that has clients waits until they are gone.
 *
 * Assumed, not documented: a vGPU counts as a client even when no VM runs on it; a GPU whose lock is held refuses new
 * clients with EBUSY; creating a vGPU beyond a limit fails with ENOSPC.
 */
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/mdev.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "vgpu_vfio.h"

#define DRIVER_RELEASE "525.105.14"

static unsigned int refuse_unbind_locks;
module_param(refuse_unbind_locks, uint, 0644);
MODULE_PARM_DESC(refuse_unbind_locks, "Refuse this many requests for an unbindLock, then behave again");

static unsigned int vf_limit;
module_param(vf_limit, uint, 0644);
MODULE_PARM_DESC(vf_limit, "The bench's sriov-manage enables no more than this many VFs (0: all)");

static unsigned int vf_limit_runs;
module_param(vf_limit_runs, uint, 0644);
MODULE_PARM_DESC(vf_limit_runs, "After this many limited runs sriov-manage sets vf_limit to 0 (0: never)");

struct vgpu_profile {
	const char *id;
	const char *name;
	unsigned int framebuffer_mib;
	unsigned int max_instance;
};

/* Ids as of driver 525 and maxima as of its vgpuConfig.xml; they differ in other releases. */
static const struct vgpu_profile profiles[] = {
	{ "692", "GRID A100D-4C", 4096, 20 },
	{ "693", "GRID A100D-8C", 8192, 10 },
	{ "694", "GRID A100D-10C", 10240, 8 },
	{ "695", "GRID A100D-16C", 16384, 5 },
	{ "696", "GRID A100D-20C", 20480, 4 },
	{ "697", "GRID A100D-40C", 40960, 2 },
	{ "698", "GRID A100D-80C", 81920, 1 },
};

/* One physical GPU, by its address. Made when it is first seen, kept until the module goes. */
struct gpu {
	struct list_head list;
	char address[16];
	char node[16];
	struct miscdevice client;
	struct proc_dir_entry *proc;
	bool bound;
	bool locked;
	unsigned int opens;
	unsigned int vgpus;
	unsigned int framebuffer_mib;	/* of the vGPUs there are; without meaning while there are none */
};

struct vf_type {
	struct mdev_type type;
	struct vf *vf;
	const struct vgpu_profile *profile;
};

struct vf {
	struct mdev_parent parent;
	struct gpu *gpu;
	bool taken;
	struct vf_type types[ARRAY_SIZE(profiles)];
	struct mdev_type *offered[ARRAY_SIZE(profiles)];
};

static DEFINE_MUTEX(state_lock);	/* guards every struct gpu and vf->taken */
static LIST_HEAD(gpus);
static struct proc_dir_entry *proc_root;
static struct proc_dir_entry *proc_gpus;

/* ---- vGPUs: mediated devices below a virtual function ---- */

static struct vf_type *vf_type_of(struct mdev_type *type)
{
	return container_of(type, struct vf_type, type);
}

static bool available_locked(const struct vf_type *offer)
{
	const struct gpu *gpu = offer->vf->gpu;

	if (!gpu->bound || offer->vf->taken)
		return false;
	if (gpu->vgpus && gpu->framebuffer_mib != offer->profile->framebuffer_mib)
		return false;
	return gpu->vgpus < offer->profile->max_instance;
}

static unsigned int vgpu_get_available(struct mdev_type *type)
{
	unsigned int available;

	mutex_lock(&state_lock);
	available = available_locked(vf_type_of(type));
	mutex_unlock(&state_lock);
	return available;
}

static ssize_t vgpu_show_description(struct mdev_type *type, char *buf)
{
	const struct vgpu_profile *profile = vf_type_of(type)->profile;

	return sysfs_emit(buf, "num_heads=1, frl_config=60, framebuffer=%uM, max_resolution=4096x2160, max_instance=%u\n",
			  profile->framebuffer_mib, profile->max_instance);
}

static int reserve(struct vf_type *offer)
{
	struct gpu *gpu = offer->vf->gpu;
	int ret = 0;

	mutex_lock(&state_lock);
	if (gpu->locked) {
		ret = -EBUSY;
	} else if (!available_locked(offer)) {
		ret = -ENOSPC;
	} else {
		offer->vf->taken = true;
		gpu->vgpus++;
		gpu->framebuffer_mib = offer->profile->framebuffer_mib;
	}
	mutex_unlock(&state_lock);
	return ret;
}

static void release(struct vf *vf)
{
	mutex_lock(&state_lock);
	vf->taken = false;
	vf->gpu->vgpus--;
	mutex_unlock(&state_lock);
}

static int vgpu_probe(struct mdev_device *mdev)
{
	struct vf_type *offer = vf_type_of(mdev->type);
	struct vgpu *vgpu;
	int ret = reserve(offer);

	if (ret)
		return ret;
	vgpu = vfio_alloc_device(vgpu, vfio, &mdev->dev, &vgpu_vfio_ops);
	if (IS_ERR(vgpu)) {
		release(offer->vf);
		return PTR_ERR(vgpu);
	}
	vgpu->device_id = to_pci_dev(mdev->dev.parent)->device;
	vgpu->subsystem_id = to_pci_dev(mdev->dev.parent)->subsystem_device;
	ret = vfio_register_emulated_iommu_dev(&vgpu->vfio);
	if (ret) {
		vfio_put_device(&vgpu->vfio);
		release(offer->vf);
		return ret;
	}
	dev_set_drvdata(&mdev->dev, vgpu);
	return 0;
}

static void vgpu_remove(struct mdev_device *mdev)
{
	struct vgpu *vgpu = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&vgpu->vfio);
	vfio_put_device(&vgpu->vfio);
	release(vf_type_of(mdev->type)->vf);
}

static struct mdev_driver vgpu_driver = {
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

/* ---- clients: whoever holds /dev/nvidiaN open ---- */

static int client_open(struct inode *inode, struct file *file)
{
	struct gpu *gpu = container_of(file->private_data, struct gpu, client);
	int ret = 0;

	mutex_lock(&state_lock);
	if (gpu->locked)
		ret = -EBUSY;
	else
		gpu->opens++;
	mutex_unlock(&state_lock);
	return ret;
}

static int client_close(struct inode *inode, struct file *file)
{
	struct gpu *gpu = container_of(file->private_data, struct gpu, client);

	mutex_lock(&state_lock);
	gpu->opens--;
	mutex_unlock(&state_lock);
	return 0;
}

static const struct file_operations client_fops = {
	.owner = THIS_MODULE,
	.open = client_open,
	.release = client_close,
	.llseek = noop_llseek,
};

/* True when the GPU has no client any more; from then on it takes none. */
static bool retire(struct gpu *gpu)
{
	bool idle;

	mutex_lock(&state_lock);
	idle = !gpu->opens && !gpu->vgpus;
	if (idle)
		gpu->bound = false;
	mutex_unlock(&state_lock);
	return idle;
}

/* ---- /proc/driver/nvidia ---- */

static int version_show(struct seq_file *seq, void *unused)
{
	seq_puts(seq, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  " DRIVER_RELEASE "  (test double, not NVIDIA's driver)\n");
	return 0;
}

static int information_show(struct seq_file *seq, void *unused)
{
	const struct gpu *gpu = seq->private;

	seq_puts(seq, "Model: \t\t NVIDIA A100 80GB PCIe\n");
	seq_printf(seq, "Bus Location: \t %s\n", gpu->address);
	seq_printf(seq, "Device Minor: \t %s\n", gpu->node + strlen("nvidia"));
	return 0;
}

static int unbind_lock_show(struct seq_file *seq, void *unused)
{
	const struct gpu *gpu = seq->private;

	seq_printf(seq, "%d\n", gpu->locked);
	return 0;
}

static int unbind_lock_open(struct inode *inode, struct file *file)
{
	return single_open(file, unbind_lock_show, pde_data(inode));
}

static ssize_t unbind_lock_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct gpu *gpu = pde_data(file_inode(file));
	bool wanted;
	int ret = kstrtobool_from_user(buf, count, &wanted);

	if (ret)
		return ret;
	mutex_lock(&state_lock);
	if (!wanted) {
		gpu->locked = false;
	} else if (!gpu->locked) {
		if (refuse_unbind_locks)
			refuse_unbind_locks--;
		else
			gpu->locked = !gpu->opens && !gpu->vgpus;
	}
	mutex_unlock(&state_lock);
	return count;
}

static const struct proc_ops unbind_lock_ops = {
	.proc_open = unbind_lock_open,
	.proc_read = seq_read,
	.proc_write = unbind_lock_write,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

static int show_gpu(struct gpu *gpu)
{
	gpu->proc = proc_mkdir(gpu->address, proc_gpus);
	if (gpu->proc && proc_create_single_data("information", 0444, gpu->proc, information_show, gpu) &&
	    proc_create_data("unbindLock", 0644, gpu->proc, &unbind_lock_ops, gpu))
		return 0;
	proc_remove(gpu->proc);
	return -ENOMEM;
}

/* ---- PCI functions ---- */

static struct gpu *find_gpu(struct pci_dev *physical)
{
	struct gpu *gpu;

	list_for_each_entry(gpu, &gpus, list)
		if (!strcmp(gpu->address, pci_name(physical)))
			return gpu;
	return NULL;
}

static struct gpu *add_gpu(struct pci_dev *physical)
{
	static unsigned int count;
	struct gpu *gpu = kzalloc(sizeof(*gpu), GFP_KERNEL);

	if (!gpu)
		return NULL;
	strscpy(gpu->address, pci_name(physical), sizeof(gpu->address));
	snprintf(gpu->node, sizeof(gpu->node), "nvidia%u", count++);
	gpu->client.minor = MISC_DYNAMIC_MINOR;
	gpu->client.name = gpu->node;
	gpu->client.fops = &client_fops;
	gpu->client.mode = 0666;
	list_add_tail(&gpu->list, &gpus);
	return gpu;
}

static int probe_physical(struct pci_dev *pdev)
{
	struct gpu *gpu;
	int ret = pcim_enable_device(pdev);

	if (ret)
		return ret;
	mutex_lock(&state_lock);
	gpu = find_gpu(pdev) ?: add_gpu(pdev);
	mutex_unlock(&state_lock);
	if (!gpu)
		return -ENOMEM;
	ret = show_gpu(gpu);
	if (ret)
		return ret;
	gpu->client.parent = &pdev->dev;
	ret = misc_register(&gpu->client);
	if (ret) {
		proc_remove(gpu->proc);
		return ret;
	}
	pci_set_drvdata(pdev, gpu);
	mutex_lock(&state_lock);
	gpu->locked = false;
	gpu->bound = true;
	mutex_unlock(&state_lock);
	return 0;
}

static void remove_physical(struct pci_dev *pdev)
{
	struct gpu *gpu = pci_get_drvdata(pdev);

	misc_deregister(&gpu->client);
	if (!retire(gpu)) {
		pci_err(pdev, "clients still use this GPU; removal waits until they are gone\n");
		while (!retire(gpu))
			msleep(200);
	}
	proc_remove(gpu->proc);
}

static int probe_virtual(struct pci_dev *pdev)
{
	struct pci_dev *physical = pci_physfn(pdev);
	struct gpu *gpu;
	struct vf *vf;
	unsigned int i;

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
	vf = devm_kzalloc(&pdev->dev, sizeof(*vf), GFP_KERNEL);
	if (!vf)
		return -ENOMEM;
	vf->gpu = gpu;
	for (i = 0; i < ARRAY_SIZE(profiles); i++) {
		vf->types[i].vf = vf;
		vf->types[i].profile = &profiles[i];
		vf->types[i].type.sysfs_name = profiles[i].id;
		vf->types[i].type.pretty_name = profiles[i].name;
		vf->offered[i] = &vf->types[i].type;
	}
	pci_set_drvdata(pdev, vf);
	return mdev_register_parent(&vf->parent, &pdev->dev, &vgpu_driver, vf->offered, ARRAY_SIZE(profiles));
}

static void remove_virtual(struct pci_dev *pdev)
{
	struct vf *vf = pci_get_drvdata(pdev);

	mdev_unregister_parent(&vf->parent);
}

static int nvidia_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return pdev->is_virtfn ? probe_virtual(pdev) : probe_physical(pdev);
}

static void nvidia_remove(struct pci_dev *pdev)
{
	if (pdev->is_virtfn)
		remove_virtual(pdev);
	else
		remove_physical(pdev);
}

static const struct pci_device_id nvidia_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_NVIDIA, 0x20b5) },
	{ }
};
MODULE_DEVICE_TABLE(pci, nvidia_ids);

static struct pci_driver nvidia_driver = {
	.name = "nvidia",
	.id_table = nvidia_ids,
	.probe = nvidia_probe,
	.remove = nvidia_remove,
};

static int __init nvidia_init(void)
{
	int ret = -ENOMEM;

	proc_root = proc_mkdir("driver/nvidia", NULL);
	if (!proc_root)
		return ret;
	proc_gpus = proc_mkdir("gpus", proc_root);
	if (!proc_gpus || !proc_create_single("version", 0444, proc_root, version_show))
		goto remove_proc;
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
	proc_remove(proc_root);
	return ret;
}

static void __exit nvidia_exit(void)
{
	struct gpu *gpu, *next;

	pci_unregister_driver(&nvidia_driver);
	mdev_unregister_driver(&vgpu_driver);
	proc_remove(proc_root);
	list_for_each_entry_safe(gpu, next, &gpus, list)
		kfree(gpu);
}

module_init(nvidia_init);
module_exit(nvidia_exit);
MODULE_LICENSE("GPL");
MODULE_VERSION(DRIVER_RELEASE);
MODULE_DESCRIPTION("Test double of the NVIDIA vGPU host driver (no NVIDIA code, no GPU)");
