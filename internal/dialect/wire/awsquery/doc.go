// Package awsquery reads requests and writes answers of Amazon's query protocols: flat form parameters in, XML out, by the tags of
// Go types (package dialect/ec2/shape has them). It knows no action.
//
//	InstanceId.1=i-1&Filter.1.Name=x    --Decode-->  struct
//	struct                              --Append-->  <instancesSet><item>...</item></instancesSet>
//
// What a client may rely on: members of a list are collected by their numbers, which need neither begin at 1 nor be without gaps;
// a parameter without a value was not given; a parameter that the type does not know is an error.
package awsquery
