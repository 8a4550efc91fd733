/* One dialect for CUDA C++ and OpenCL C 1.2, and the pattern that all kernels fill memory with. What differs between the
   two languages stands here and nowhere else, so that a kernel that was judged on one has been judged for the other. */
#ifdef __OPENCL_VERSION__
typedef uint u32;
typedef ulong u64;
typedef uint4 words4;
typedef float4 floats4;
#define KERNEL __kernel void
#define GLOBAL __global
#define TABLE __constant
#define SHARED __local
#define DEVICE static inline
#define RESTRICT restrict
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define THREAD_X ((u32)get_local_id(0))
#define THREAD_Y ((u32)get_local_id(1))
#define BLOCK_X ((u32)get_group_id(0))
#define BLOCK_Y ((u32)get_group_id(1))
#define BLOCKS_X ((u32)get_num_groups(0))
#define BLOCKS_Y ((u32)get_num_groups(1))
#define THREAD ((u64)get_global_id(0))
#define THREADS ((u64)get_global_size(0))
#define THREADS_X ((u32)get_local_size(0))
#define COUNT_UP(address) atomic_inc(address)
#define ADD_UP(address, more) atomic_add(address, more)
#define COUNTER volatile __global u32
#define AS_FLOAT(bits) as_float(bits)
#else
typedef unsigned int u32;
typedef unsigned long long u64;
typedef uint4 words4;
typedef float4 floats4;
#define KERNEL extern "C" __global__ void
#define GLOBAL
#define TABLE static __device__ const
#define SHARED __shared__
#define DEVICE static __device__ __forceinline__
#define RESTRICT __restrict__
#define BARRIER() __syncthreads()
#define THREAD_X threadIdx.x
#define THREAD_Y threadIdx.y
#define BLOCK_X blockIdx.x
#define BLOCK_Y blockIdx.y
#define BLOCKS_X gridDim.x
#define BLOCKS_Y gridDim.y
#define THREAD ((u64)blockIdx.x * blockDim.x + threadIdx.x)
#define THREADS ((u64)gridDim.x * blockDim.x)
#define THREADS_X blockDim.x
#define COUNT_UP(address) atomicAdd(address, 1u)
#define ADD_UP(address, more) atomicAdd(address, more)
#define COUNTER u32
#define AS_FLOAT(bits) __uint_as_float(bits)
#endif

/* x * y + z as one instruction, which a compiler of CUDA would otherwise take apart and sort anew. */
DEVICE u32 multiplied_and_added(u32 x, u32 y, u32 z)
{
#ifdef __CUDA_ARCH__
    u32 sum;
    asm("mad.lo.u32 %0, %1, %2, %3;" : "=r"(sum) : "r"(x), "r"(y), "r"(z));
    return sum;
#else
    return x * y + z;
#endif
}

/* The word that stands at an index: neighbours differ in every byte, so that a misplaced word shows. */
DEVICE u32 pattern(u64 index, u32 seed)
{
    u32 x = (u32)index ^ ((u32)(index >> 32) * 0x9e3779b9u) ^ seed;
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}
