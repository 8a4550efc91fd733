/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the test double share: boards as data, and the state of each GPU.
 *
 * `state_lock` guards every struct gpu and what hangs below it.
 */
#ifndef DOUBLE_H
#define DOUBLE_H

#include <linux/list.h>
#include <linux/mdev.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/types.h>

#include "vgpu_vfio.h"

#define DRIVER_RELEASE "525.105.14"
#define MAX_COMPUTE 8

/* ---- boards, in tables.h, which is made from gpucarve's catalog ---- */

struct vgpu_profile {
	unsigned int number;
	const char *id;			/* the number again, as sysfs wants it */
	const char *name;
	unsigned int framebuffer_mib;
	unsigned int max_instance;
	const char *instance;		/* the MIG profile it stands in; NULL for a time-sliced type */
	const char *description;
};

struct mig_profile {
	int id;				/* what nvidia-smi mig -cgi takes */
	const char *name;
	unsigned int compute;		/* compute slices */
	unsigned int size;		/* memory slices */
	unsigned int max_count;
	unsigned int starts;		/* a bit for each memory slice that an instance may start at */
	const char *ending;		/* "me" of 1g.10gb+me; empty for none */
	unsigned int ending_max;	/* how many with this ending a GPU holds; 0 for no limit */
	const char *resources;		/* what nvidia-smi mig -lgip tells, as MiB SM DEC ENC CE JPEG OFA */
};

struct board {
	u16 device;
	const char *model;
	unsigned int memory_mib;
	bool on_vfs;			/* vGPUs stand on virtual functions, not on the physical one */
	bool vendor_vfio;		/* and are numbers in sysfs there, not mediated devices */
	bool mode_kept;			/* a change of the MIG mode takes a reset, and the board keeps it */
	unsigned int compute;		/* compute and memory slices; 0 without MIG */
	unsigned int memory;
	const struct vgpu_profile *types;
	unsigned int type_count;
	const struct mig_profile *profiles;
	unsigned int profile_count;
};

const struct board *find_board(u16 device);

/* ---- state ---- */

struct compute_instance {
	bool there;
	unsigned int start;
	unsigned int size;
};

struct gpu_instance {
	struct list_head list;
	const struct mig_profile *profile;
	unsigned int id;
	unsigned int start;
	bool taken;			/* a vGPU stands in it */
	struct compute_instance compute[MAX_COMPUTE];
};

/* One physical GPU, by its address. Made when it is first seen, kept until the module goes. */
struct gpu {
	struct list_head list;
	const struct board *board;
	struct pci_dev *pdev;
	char address[16];
	char node[16];
	struct miscdevice client;
	struct proc_dir_entry *proc;
	bool bound;
	bool locked;
	unsigned int opens;
	unsigned int vgpus;
	unsigned int framebuffer_mib;	/* of the vGPUs there are; without meaning while there are none */
	bool mig;			/* the mode in force */
	bool mig_pending;		/* the mode after the next reset */
	struct list_head instances;	/* in order of making */
	struct list_head active;	/* every struct vgpu on it */
};

/* A PCI function that vGPUs stand on: a virtual one, which holds one, or a physical one of the older kind. */
struct home {
	struct mdev_parent parent;
	struct pci_dev *pdev;
	struct gpu *gpu;
	unsigned int vgpus;
	unsigned int vendor_type;	/* number of the type it has, where it has one without a mediated device */
	struct gpu_instance *vendor_instance;
	struct offer *offers;
	struct mdev_type **offered;
};

struct offer {
	struct mdev_type type;
	struct home *home;
	const struct vgpu_profile *profile;
};

extern struct mutex state_lock;
extern struct list_head gpus;
extern unsigned int refuse_unbind_locks;

static inline bool has_clients(const struct gpu *gpu)
{
	return gpu->opens || gpu->vgpus;
}

/* offers.c: what a function offers, and taking it */
int offer_types(struct home *home);
unsigned int available_locked(const struct offer *offer);
int take(struct offer *offer, struct gpu_instance **instance);
void give_back(struct home *home, struct gpu_instance *instance);

/* vgpus.c: mediated devices */
extern struct mdev_driver vgpu_driver;

/* vendor.c: types without mediated devices */
extern const struct attribute_group vendor_group;
void vendor_release(struct home *home);

/* mig.c; each with state_lock held, 0 or a negative error */
int mig_set_mode(struct gpu *gpu, bool enabled);
int mig_reset(struct gpu *gpu);
int mig_create(struct gpu *gpu, int profile, int start);
int mig_destroy(struct gpu *gpu, unsigned int id);
int mig_fill(struct gpu *gpu, unsigned int id, unsigned int slices);
int mig_empty(struct gpu *gpu, unsigned int id, unsigned int compute);
unsigned int mig_room(const struct gpu *gpu, const struct mig_profile *profile);
void mig_wipe(struct gpu *gpu);
struct gpu_instance *mig_free_instance(struct gpu *gpu, const char *profile);

/* inforom.c: what the board remembers */
bool inforom_mode(const struct gpu *gpu);
int inforom_keep_mode(const struct gpu *gpu, bool enabled);

/* clients.c: /dev/nvidiaN */
int add_client_node(struct gpu *gpu);
void remove_client_node(struct gpu *gpu);
bool retire(struct gpu *gpu);

/* procfs.c: /proc/driver/nvidia */
int procfs_init(void);
void procfs_exit(void);
int procfs_show(struct gpu *gpu);
void procfs_hide(struct gpu *gpu);

#endif
