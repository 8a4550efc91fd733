// A stand-in for NVIDIA's libcuda.so.1, on a processor: what the runner calls of the driver is declared by NVIDIA's own
// header, so that a wrong argument list does not compile; the kernels are the shipped sources, compiled as C++.
//
// A block's threads are contexts that take turns at barriers. PTX is only looked at for the names of its kernels: that
// it means what its source means is the compiler's to say, and that NVIDIA takes it, the assembler's.
#include <cuda.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <ucontext.h>
#include <utility>
#include <vector>

struct uint4 { unsigned x, y, z, w; };
struct float4 { float x, y, z, w; };
struct place { unsigned x, y, z; };
static place threadIdx, blockIdx, blockDim, gridDim;

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
static inline float __uint_as_float(unsigned bits) { float f; std::memcpy(&f, &bits, 4); return f; }
static inline unsigned atomicAdd(unsigned *address, unsigned by) { unsigned old = *address; *address += by; return old; }

static ucontext_t scheduler;
static std::vector<ucontext_t> threads;
static unsigned running;
static void __syncthreads() { swapcontext(&threads[running], &scheduler); }

namespace kernels {
#include "dialect.h"
#include "hash.c"
#include "matrix.c"
#include "memory.c"
}

using namespace kernels;

// Kernels by name, each called with the values that its parameters point to.
using kernel = void (*)(void **);
template <typename... T, std::size_t... I>
static void spread(void (*function)(T...), void **values, std::index_sequence<I...>) {
    function(*static_cast<std::remove_reference_t<T> *>(values[I])...);
}
template <auto function> struct called;
template <typename... T, void (*function)(T...)> struct called<function> {
    static void with(void **values) { spread(function, values, std::index_sequence_for<T...>{}); }
};
#define K(name) {#name, &called<&name>::with}
static const std::map<std::string, kernel> known = {
    K(fill_words), K(fill_floats), K(add_vectors), K(check_sums), K(copy_words), K(matrix_copy), K(matrix_copy_shared),
    K(matrix_naive), K(matrix_coalesced), K(matrix_optimized), K(matrix_coarse), K(matrix_fine), K(matrix_diagonal),
    K(matrix_wide), K(check_matrix), K(digests_md5), K(digests_sha1), K(digests_sha256), K(search_md5), K(search_sha1),
    K(search_sha256), K(fill_numbers), K(fill_halves), K(numbers_times), K(product_times), K(check_equal)};

static kernel current;
static void **arguments;
static bool over;
static void begin() { current(arguments); over = true; swapcontext(&threads[running], &scheduler); }

static place at(unsigned n) { return {n % blockDim.x, n / blockDim.x, 0}; }

static void run_block(std::vector<std::vector<char>> &stacks) {
    unsigned count = blockDim.x * blockDim.y;
    std::vector<bool> ended(count, false);
    for (unsigned n = 0; n < count; n++) {
        getcontext(&threads[n]);
        threads[n].uc_stack.ss_sp = stacks[n].data();
        threads[n].uc_stack.ss_size = stacks[n].size();
        makecontext(&threads[n], begin, 0);
    }
    for (unsigned left = count; left > 0;)
        for (unsigned n = 0; n < count; n++) {
            if (ended[n]) continue;
            running = n, threadIdx = at(n), over = false;
            swapcontext(&scheduler, &threads[n]);
            if (over) ended[n] = true, left--;
        }
}

static const char *const device_name = "stand-in for a GPU";
static bool initialised;
static std::map<int, int> attributes = {
    {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 2},        {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9},
    {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0},    {CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 64},
    {CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 1000000},     {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
    {CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, 0x65}};

extern "C" {
CUresult cuInit(unsigned flags) { initialised = true; return flags ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int *version) {
    const char *said = std::getenv("STANDIN_VERSION");
    *version = said ? std::atoi(said) : 12090;
    return CUDA_SUCCESS;
}
CUresult cuGetErrorName(CUresult error, const char **name) {
    *name = error == CUDA_ERROR_NO_DEVICE ? "CUDA_ERROR_NO_DEVICE" : error == CUDA_ERROR_OUT_OF_MEMORY
        ? "CUDA_ERROR_OUT_OF_MEMORY" : error == CUDA_ERROR_NOT_FOUND ? "CUDA_ERROR_NOT_FOUND" : "CUDA_ERROR_INVALID_VALUE";
    return CUDA_SUCCESS;
}
CUresult cuDeviceGetCount(int *count) {
    if (!initialised) return CUDA_ERROR_NOT_INITIALIZED;
    const char *visible = std::getenv("CUDA_VISIBLE_DEVICES");
    *count = std::getenv("STANDIN_NO_DEVICE") || (visible && std::strcmp(visible, "MIG-here")) ? 0 : 1;
    return CUDA_SUCCESS;
}
CUresult cuDeviceGet(CUdevice *device, int ordinal) { *device = 7 + ordinal; return CUDA_SUCCESS; }
CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
    if (device != 7) return CUDA_ERROR_INVALID_DEVICE;
    std::snprintf(name, length, "%s", device_name);
    return CUDA_SUCCESS;
}
CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice) { std::memset(uuid, 0xab, sizeof *uuid); return CUDA_SUCCESS; }
CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice) { *bytes = 1u << 30; return CUDA_SUCCESS; }
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute which, CUdevice device) {
    if (device != 7) return CUDA_ERROR_INVALID_DEVICE;
    *value = attributes.count(which) ? attributes[which] : 0;
    const char *capability = std::getenv("STANDIN_CAPABILITY");
    if (capability && which == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) *value = std::atoi(capability);
    return CUDA_SUCCESS;
}
static CUcontext retained, in_use;
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice) {
    *context = retained = reinterpret_cast<CUcontext>(&retained);
    return CUDA_SUCCESS;
}
CUresult cuCtxSetCurrent(CUcontext context) { in_use = context; return CUDA_SUCCESS; }
#define IN_CONTEXT if (!in_use || in_use != retained) return CUDA_ERROR_INVALID_CONTEXT
CUresult cuMemGetInfo_v2(size_t *free, size_t *total) { IN_CONTEXT; *free = 1u << 29, *total = 1u << 30; return CUDA_SUCCESS; }
CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t size) {
    IN_CONTEXT;
    if (size == 0) return CUDA_ERROR_INVALID_VALUE;
    *address = reinterpret_cast<CUdeviceptr>(std::aligned_alloc(256, (size + 255) / 256 * 256));
    return *address ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}
CUresult cuMemFree_v2(CUdeviceptr address) { std::free(reinterpret_cast<void *>(address)); return CUDA_SUCCESS; }
CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t size) {
    std::memcpy(reinterpret_cast<void *>(to), from, size);
    return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t size) {
    std::memcpy(to, reinterpret_cast<void *>(from), size);
    return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream stream) {
    std::memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), size);
    return stream ? CUDA_ERROR_INVALID_HANDLE : CUDA_SUCCESS;
}
CUresult cuModuleLoadData(CUmodule *module, const void *image) {
    IN_CONTEXT;
    *module = reinterpret_cast<CUmodule>(new std::string(static_cast<const char *>(image)));
    return CUDA_SUCCESS;
}
CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
    const std::string &ptx = *reinterpret_cast<std::string *>(module);
    auto found = known.find(name);
    if (found == known.end() || ptx.find(".entry " + std::string(name) + "(") == std::string::npos)
        return CUDA_ERROR_NOT_FOUND;
    *function = reinterpret_cast<CUfunction>(found->second);
    return CUDA_SUCCESS;
}
CUresult cuLaunchKernel(
    CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
    unsigned block_z, unsigned shared, CUstream stream, void **parameters, void **extra) {
    IN_CONTEXT;
    unsigned count = block_x * block_y;
    if (grid_z != 1 || block_z != 1 || shared || stream || extra || !count || count > 1024 || grid_y > 65535)
        return CUDA_ERROR_INVALID_VALUE;
    current = reinterpret_cast<kernel>(function), arguments = parameters;
    blockDim = {block_x, block_y, 1}, gridDim = {grid_x, grid_y, 1};
    threads.resize(count);
    static std::vector<std::vector<char>> stacks;
    while (stacks.size() < count) stacks.emplace_back(16384);
    for (blockIdx.y = 0; blockIdx.y < grid_y; blockIdx.y++)
        for (blockIdx.x = 0; blockIdx.x < grid_x; blockIdx.x++) run_block(stacks);
    return CUDA_SUCCESS;
}
using instant = std::chrono::steady_clock::time_point;
CUresult cuEventCreate(CUevent *event, unsigned) { *event = reinterpret_cast<CUevent>(new instant()); return CUDA_SUCCESS; }
CUresult cuEventRecord(CUevent event, CUstream) {
    *reinterpret_cast<instant *>(event) = std::chrono::steady_clock::now();
    return CUDA_SUCCESS;
}
CUresult cuEventSynchronize(CUevent) { return CUDA_SUCCESS; }
CUresult cuEventElapsedTime(float *milliseconds, CUevent from, CUevent to) {
    auto passed = *reinterpret_cast<instant *>(to) - *reinterpret_cast<instant *>(from);
    *milliseconds = std::chrono::duration<float, std::milli>(passed).count();
    return CUDA_SUCCESS;
}
}
