// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/fake_image_source.hpp"
#include "banger/sdk/testing/fake_kernel_source.hpp"
#include "banger/sdk/testing/image_source_contract.hpp"
#include "banger/sdk/testing/kernel_source_contract.hpp"

namespace banger::sdk::testing {
namespace {

INSTANTIATE_TEST_SUITE_P(
    Fake, ImageSourceContract,
    ::testing::Values(ImageSourceUnderTest{
        "fake", [](Host&) { return std::make_unique<FakeImageSource>(); }, FakeImageSource::recipe, {}}));

INSTANTIATE_TEST_SUITE_P(
    Fake, KernelSourceContract,
    ::testing::Values(KernelSourceUnderTest{
        "fake", [](Host&) { return std::make_unique<FakeKernelSource>(); }, FakeKernelSource::recipe, {}}));

}  // namespace
}  // namespace banger::sdk::testing
