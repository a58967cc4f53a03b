# SPDX-License-Identifier: MIT
# For find_package(tend) of CMake: what configure makes of the two templates here.

cmakedir = $(libdir)/cmake/tend
cmake_DATA = %D%/tend-config.cmake %D%/tend-config-version.cmake
