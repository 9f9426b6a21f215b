# SPDX-License-Identifier: BSD-2-Clause
# What points gcloud at a stand-in of Compute Engine on this machine, and away from everything else: endpoints on loopback, a token
# that is none, a configuration folder of its own, nothing reported home.

TOKEN = "fake-token"


def environment(port, config_dir):
    """Variables of gcloud's environment, to be set over the caller's. `config_dir`: a folder of the caller's, empty at first."""
    base = f"http://127.0.0.1:{port}"
    return {
        "CLOUDSDK_CONFIG": str(config_dir),
        "CLOUDSDK_AUTH_ACCESS_TOKEN": TOKEN,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"{base}/compute/v1/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"{base}/storage/v1/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER": f"{base}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_SERVICEUSAGE": f"{base}/",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1",
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "1",
        "CLOUDSDK_CORE_DISABLE_FILE_LOGGING": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
