// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0

// An ordinary library that strayed into a plugin directory.
int an_ordinary_library()
{
    return 7;
}
