"""What a person does with boto3: the client and the resource interface, waiters and paginators, on the account's default VPC."""
import sys

import boto3

endpoint, image = sys.argv[1:3]
session = boto3.session.Session(region_name="us-east-1")
ec2 = session.resource("ec2", endpoint_url=endpoint)
client = session.client("ec2", endpoint_url=endpoint)

SOON = {"Delay": 1, "MaxAttempts": 180}  # the pauses that boto3 makes by itself are for a cloud that is slower

key = ec2.create_key_pair(KeyName="boto")
assert key.key_material.startswith("-----BEGIN RSA PRIVATE KEY-----"), key.key_material
group = ec2.create_security_group(GroupName="boto", Description="of the test")
group.authorize_ingress(IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
group.reload()
assert [p["FromPort"] for p in group.ip_permissions] == [22], group.ip_permissions

instance, = ec2.create_instances(ImageId=image, InstanceType="t2.micro", MinCount=1, MaxCount=1, KeyName="boto", SecurityGroupIds=[group.id])
instance.create_tags(Tags=[{"Key": "Name", "Value": "boto"}, {"Key": "team", "Value": "blue"}])
instance.wait_until_running(WaiterConfig=SOON)
instance.load()
assert instance.public_ip_address and instance.private_ip_address, instance.meta.data
assert {t["Key"]: t["Value"] for t in instance.tags} == {"Name": "boto", "team": "blue"}, instance.tags
assert [i.id for i in ec2.instances.filter(Filters=[{"Name": "tag:team", "Values": ["bl*"]}])] == [instance.id]
assert [v.state for v in instance.volumes.all()] == ["in-use"]
assert instance.vpc.is_default and instance.subnet.map_public_ip_on_launch

volume = ec2.create_volume(AvailabilityZone=instance.placement["AvailabilityZone"], Size=1)
client.get_waiter("volume_available").wait(VolumeIds=[volume.id], WaiterConfig=SOON)
instance.attach_volume(VolumeId=volume.id, Device="/dev/sdh")
client.get_waiter("volume_in_use").wait(VolumeIds=[volume.id], WaiterConfig=SOON)
instance.detach_volume(VolumeId=volume.id)
client.get_waiter("volume_available").wait(VolumeIds=[volume.id], WaiterConfig=SOON)
snapshot = volume.create_snapshot(Description="of the test")
snapshot.wait_until_completed(WaiterConfig=SOON)
snapshot.delete()
volume.delete()
client.get_waiter("volume_deleted").wait(VolumeIds=[volume.id], WaiterConfig=SOON)

instance.stop()
instance.wait_until_stopped(WaiterConfig=SOON)
instance.modify_attribute(Attribute="instanceType", Value="t2.small")
instance.start()
instance.wait_until_running(WaiterConfig=SOON)
instance.reboot()
pages = client.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5})
assert instance.id in [i["InstanceId"] for p in pages for r in p["Reservations"] for i in r["Instances"]]
instance.terminate()
instance.wait_until_terminated(WaiterConfig=SOON)
group.delete()
key.delete()
print("done")
