"""Runs cloud-init's EC2 source as at first boot and prints what it took, as JSON. Arguments: the machine's serial number (its UUID, too)
and manufacturer, as the guest's firmware would tell them."""
import json
import logging
import sys
import tempfile

from cloudinit import dmi, helpers
from cloudinit.sources import DataSourceEc2 as source

serial, manufacturer = sys.argv[1:3]
firmware = {"system-uuid": serial, "system-serial-number": serial, "system-manufacturer": manufacturer}
dmi.read_dmi_data = firmware.get
logging.basicConfig(stream=sys.stderr, level=logging.DEBUG)

scratch = tempfile.mkdtemp()
found = source.DataSourceEc2({"datasource": {"Ec2": {"max_wait": 20, "timeout": 10}}}, None, helpers.Paths({"cloud_dir": scratch, "run_dir": scratch}))
taken = found._get_data()
macs = found.metadata["network"]["interfaces"]["macs"] if taken else {}
nics = {mac: "eth%d" % i for i, mac in enumerate(sorted(macs))}
print(json.dumps({
    "taken": taken, "cloud": found.cloud_name, "token": bool(found._api_token), "address": found.metadata_address,
    "id": found.get_instance_id() if taken else None, "metadata": found.metadata,
    "userdata": found.userdata_raw.decode() if found.userdata_raw else None, "keys": found.get_public_ssh_keys() if taken else None,
    "identity": found.identity if taken else None, "zone": found.availability_zone if taken else None, "region": found.region if taken else None,
    "network": source.convert_ec2_metadata_network_config(found.metadata["network"], nics) if taken else None,
}))
