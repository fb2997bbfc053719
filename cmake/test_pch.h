// What every test includes on top of pch.h.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>
