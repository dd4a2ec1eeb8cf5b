"""What an orchestrator does with libcloud's EC2 driver."""
import sys
import time
from urllib.parse import urlparse

from libcloud.compute.base import NodeSize
from libcloud.compute.providers import get_driver
from libcloud.compute.types import NodeState, Provider

endpoint, image_id, access, secret = sys.argv[1:5]
at = urlparse(endpoint)
driver = get_driver(Provider.EC2)(access, secret, region="us-east-1", host=at.hostname, port=at.port, secure=at.scheme == "https", signature_version="4")
driver.path = at.path  # the driver asks at the root of its host

assert [z.name for z in driver.ex_list_availability_zones()][0] == "us-east-1a"
driver.create_key_pair("libcloud")
assert "libcloud" in [k.name for k in driver.list_key_pairs()]
group = driver.ex_create_security_group("libcloud", "of the test")["group_id"]
driver.ex_authorize_security_group_ingress(group, 22, 22, cidr_ips=["0.0.0.0/0"])
image, = driver.list_images(ex_image_ids=[image_id])
size = NodeSize("t2.micro", "", 512, 1, 0, 0, driver)
node = driver.create_node(name="libcloud", image=image, size=size, ex_keyname="libcloud", ex_securitygroup=["libcloud"], ex_metadata={"team": "red"})
for _ in range(120):
    node, = driver.list_nodes(ex_node_ids=[node.id])
    if node.state == NodeState.RUNNING:
        break
    time.sleep(1)
assert node.state == NodeState.RUNNING and node.name == "libcloud" and node.extra["tags"]["team"] == "red", (node, node.extra)
volume = driver.create_volume(1, "libcloud", location=driver.list_locations()[0])
while driver.list_volumes(node=None) and [v for v in driver.list_volumes() if v.id == volume.id][0].extra["state"] != "available":
    time.sleep(1)
assert driver.attach_volume(node, volume, "/dev/sdh")
time.sleep(2)
assert driver.detach_volume(volume)
while [v for v in driver.list_volumes() if v.id == volume.id][0].extra["state"] != "available":
    time.sleep(1)
assert driver.destroy_volume(volume)
assert driver.reboot_node(node)
assert driver.destroy_node(node)
while driver.list_nodes(ex_node_ids=[node.id])[0].state != NodeState.TERMINATED:
    time.sleep(1)
assert driver.ex_delete_security_group_by_id(group)
assert driver.delete_key_pair(driver.get_key_pair("libcloud"))
print("done")
