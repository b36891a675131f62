// What the stand-in for libcudnn.so.9 is made of (cudnn_on_cpu.cpp, cudnn_norm_on_cpu.cpp): types, statuses, descriptors.
#pragma once
#include <cstddef>
#include <vector>

typedef int Status;
const Status FINE = 0, BAD_PARAM = 2000, NOT_SUPPORTED = 3000;
enum { FLOAT = 0, DOUBLE = 1, HALF = 2 };
enum { NCHW = 0, NHWC = 1 };

struct Tensor {
    int type = -1;
    std::vector<int> sizes, strides;

    long place(const std::vector<int>& at) const {
        long sum = 0;
        for (size_t i = 0; i < at.size(); ++i) sum += (long)at[i] * strides[i];
        return sum;
    }
    size_t count() const {
        size_t n = 1;
        for (int size : sizes) n *= size;
        return n;
    }
    // Go to the next element, row by row; false after the last.
    bool next(std::vector<int>& at) const {
        for (int d = at.size() - 1; d >= 0; --d) {
            if (++at[d] < sizes[d]) return true;
            at[d] = 0;
        }
        return false;
    }
};

struct Handle { void* stream = nullptr; };
