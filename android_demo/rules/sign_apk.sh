#!/bin/sh
# Signs an APK: `sign_apk.sh APKSIGNER UNSIGNED OUTPUT DEBUG_KEYSTORE`.
#
# A release key comes from the environment, so that no command line has its password. `make apk` gives it to this
# command alone.
set -eu
: "${TSM_KEYSTORE:=$4}" "${TSM_KEYSTORE_PASSWORD:=android}" "${TSM_KEY_ALIAS:=debug}"
export TSM_KEYSTORE_PASSWORD
log=$("$1" sign --ks "$TSM_KEYSTORE" --ks-key-alias "$TSM_KEY_ALIAS" \
  --ks-pass env:TSM_KEYSTORE_PASSWORD --min-sdk-version 21 \
  --v1-signing-enabled true --v2-signing-enabled true \
  --v3-signing-enabled false --v4-signing-enabled false \
  --out "$3" "$2" 2>&1) || { echo "$log" >&2; exit 1; }
