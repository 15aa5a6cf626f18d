# Only reads: the rules of our group, all other rules that allow inbound connections, and the three
# profiles.
param([string]$Group)
$rules = (New-Object -ComObject HNetCfg.FwPolicy2).Rules | Where-Object {
    $_.Grouping -eq $Group -or ($_.Enabled -and $_.Direction -eq 1 -and $_.Action -eq 1)
} | ForEach-Object {
    @{
        name = $_.Name
        group = $_.Grouping
        description = $_.Description
        direction = $_.Direction
        action = $_.Action
        enabled = $_.Enabled
        profiles = $_.Profiles
        local = $_.LocalAddresses
        remote = $_.RemoteAddresses
        protocol = $_.Protocol
        localports = $_.LocalPorts
        remoteports = $_.RemotePorts
        icmp = $_.IcmpTypesAndCodes
    }
}
$profiles = Get-NetFirewallProfile | ForEach-Object {
    @{
        name = $_.Name
        enabled = "$($_.Enabled)"
        inbound = "$($_.DefaultInboundAction)"
        outbound = "$($_.DefaultOutboundAction)"
    }
}
$Ansible.Result = @{ rules = @($rules); profiles = @($profiles) }
$Ansible.Changed = $false
