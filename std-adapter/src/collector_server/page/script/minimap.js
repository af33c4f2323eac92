// minimap
